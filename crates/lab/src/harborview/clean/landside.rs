//! Landside: the terminal operating system and its jobs, the offices and the web, the container scanner.

use crate::net::{Host, MILLI, Micros, Network, SECOND, Tcp};
use crate::speech::tls::Version;
use crate::speech::{dns, http};

use super::super::BEGIN;
use super::super::hosts::*;
use super::{every, https};

/// The terminal operating system gives jobs to the cranes and hears what became of them.
pub(super) fn port(net: &mut Network) {
    for (nth, (cms, crane)) in (0i64..).zip([(CMS7, "STS-07"), (CMS9, "STS-09")]) {
        let mut jobs = Tcp::open(
            net,
            BEGIN + 16 * SECOND + nth * 600 * MILLI,
            TOS1,
            cms,
            7_001,
        );
        for (round, at) in (1u32..).zip(every(net, 20 * SECOND + nth * 3 * SECOND, 45 * SECOND)) {
            jobs.until(at);
            let box_number = 7_402_110 + round * 13;
            jobs.exchange(
                net,
                format!(
                    "\u{2}JOB|{crane}|{round:05}|DISCHARGE|HVBU{box_number}|BAY 34|LANE 3\u{3}"
                )
                .as_bytes(),
                format!("\u{2}ACK|{crane}|{round:05}|ACCEPTED\u{3}").as_bytes(),
            );
            jobs.pause(2 * SECOND);
            jobs.answer(
                net,
                format!("\u{2}STA|{crane}|{round:05}|LANDED\u{3}").as_bytes(),
            );
            jobs.settle(net);
        }
        jobs.close(net);
    }
    for at in every(net, 35 * SECOND, 200 * SECOND) {
        dns::lookup(
            net,
            at - 200 * MILLI,
            PLANNER1,
            DOMAIN1,
            "tos1.harborview.example",
            &[TOS1.ip],
        );
        https(
            net,
            at,
            PLANNER1,
            TOS1,
            "tos1.harborview.example",
            Version::Tls13,
            (900, 5_000),
        );
    }
}

/// Offices at work, among them names that only look like those on the watch list.
pub(super) fn offices(net: &mut Network) {
    let visits: [(Host, &str, [u8; 4], Version); 6] = [
        (
            OFFICE1,
            "www.carrier.example",
            [198, 51, 100, 20],
            Version::Tls13,
        ),
        (
            OFFICE1,
            "accounts.loginkakao.com",
            [198, 51, 100, 31],
            Version::Tls12,
        ),
        (OFFICE2, "www.nzpmc.com", [198, 51, 100, 32], Version::Tls12),
        (
            OFFICE2,
            "portal.mylogink.cn",
            [198, 51, 100, 33],
            Version::Tls13,
        ),
        (OFFICE1, "login.cn", [198, 51, 100, 34], Version::Tls13),
        (
            OFFICE2,
            "logink.cn.example.com",
            [198, 51, 100, 35],
            Version::Tls12,
        ),
    ];
    for (nth, (client, name, ip, version)) in (0i64..).zip(visits) {
        let at = BEGIN + 80 * SECOND + nth * 47 * SECOND;
        let server = outside(ip);
        look_up(net, at, client, name, server);
        https(
            net,
            at + 90 * MILLI,
            client,
            server,
            name,
            version,
            (800, 3_500),
        );
    }
    for (nth, name) in (0i64..).zip([
        "mylogink.cn",
        "loginkit.example.org",
        "relogink.example.net",
    ]) {
        look_up(
            net,
            BEGIN + 400 * SECOND + nth * 9 * SECOND,
            OFFICE1,
            name,
            outside([198, 51, 100, 36]),
        );
    }
    let request = http::Request {
        method: "GET",
        host: "www.nzpmc.com",
        path: "/logink.cn/price-list",
        headers: "",
        body: "",
    };
    http::once(
        net,
        BEGIN + 420 * SECOND,
        OFFICE1,
        outside([198, 51, 100, 32]),
        80,
        request,
        ("text/html", "<html>tide tables</html>"),
    );
    https(
        net,
        BEGIN + 130 * SECOND,
        OFFICE1,
        TOS1,
        "tos1.harborview.example",
        Version::Tls13,
        (600, 2_400),
    );
}

/// A name by the terminal's own resolver, which asks outside.
fn look_up(net: &mut Network, at: Micros, client: Host, name: &str, server: Host) {
    dns::lookup_within(net, at, 24_000, client, DOMAIN1, name, &[server.ip]);
    dns::lookup_within(
        net,
        at + 500,
        22_000,
        DOMAIN1,
        RESOLVER1,
        name,
        &[server.ip],
    );
    dns::lookup_within(net, at + 900, 20_000, RESOLVER1, QUAD9, name, &[server.ip]);
}

/// The container scanner keeps its pictures within its own network.
pub(super) fn screening(net: &mut Network) {
    for at in every(net, 25 * SECOND, 180 * SECOND) {
        https(
            net,
            at,
            SCANNER1,
            IMAGES1,
            "images1.harborview.example",
            Version::Tls12,
            (9_000, 400),
        );
    }
}
