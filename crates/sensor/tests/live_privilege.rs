//! Privileges, given up for good. Each case is a process of its own, as there is no way back, and has a single thread, as
//! capabilities belong to threads; so this is a program, not a function among others.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A helper that fails, fails its test.

use std::fs;
use std::process::Command;
use std::time::Duration;

use sensor::live::{Error, Options, User, drop_privileges, open};

/// Which case the process is to play.
const CASE: &str = "SEAWALL_TEST_PRIVILEGE";

/// Nothing is left but what reopening an interface needs.
fn main() {
    if let Ok(case) = std::env::var(CASE) {
        return play(&case);
    }
    let own = fs::read_to_string("/proc/self/status").unwrap();
    if !own.contains("\nUid:\t0\t") || !own.contains("\nCapEff:\t000001ff") {
        return println!("skipped: needs root with all capabilities");
    }
    for case in ["raw", "none", "by number", "no such user", "threads"] {
        let output = Command::new(std::env::current_exe().unwrap())
            .env(CASE, case)
            .output()
            .unwrap();
        let complained = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{case}: {complained}");
        println!("{case}: ok");
    }
}

fn play(case: &str) {
    let taps = open(&Options::new("lo"));
    let mut tap = taps.unwrap().remove(0);
    if case == "threads" {
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || ended.recv());
        let error = drop_privileges(&User::parse("nobody"), true).unwrap_err();
        assert!(
            error.to_string().contains("before threads begin"),
            "{error}"
        );
        drop(end);
        assert!(other.join().unwrap().is_err());
        return;
    }
    if case == "no such user" {
        let error = drop_privileges(&User::parse("no-such-user"), true).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot give up privileges: there is no user no-such-user: make an account for it (`useradd --system --shell /usr/sbin/nologin seawall`), or name another"
        );
        return;
    }
    let keep = case != "none";
    let user = User::parse(if case == "by number" {
        "48123"
    } else {
        "nobody"
    });
    let dropped = drop_privileges(&user, keep).unwrap();
    assert_eq!(dropped.keeps_net_raw, keep);
    if case == "by number" {
        assert_eq!((dropped.user, dropped.group), (48123, 48123));
    }
    // Again: nothing is left to give up.
    assert_eq!(drop_privileges(&user, keep).unwrap(), dropped);

    let status = fs::read_to_string("/proc/self/status").unwrap();
    let value = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_once(':').unwrap().1.trim().replace('\t', " ")
    };
    let (user, group) = (dropped.user, dropped.group);
    assert_ne!(user, 0);
    assert_eq!(value("Uid"), format!("{user} {user} {user} {user}"));
    assert_eq!(value("Gid"), format!("{group} {group} {group} {group}"));
    assert_eq!(value("Groups"), "");
    let left = if keep {
        "0000000000002000"
    } else {
        "0000000000000000"
    };
    for (set, expected) in [
        ("CapPrm", left),
        ("CapEff", left),
        ("CapInh", "0000000000000000"),
        ("CapBnd", "0000000000000000"),
        ("CapAmb", "0000000000000000"),
        ("NoNewPrivs", "1"),
    ] {
        assert_eq!(value(set), expected, "{set}");
    }
    // Threads that begin now have no more, the open tap still works, and a new one is a matter of the capability.
    let opened = std::thread::spawn(|| open(&Options::new("lo")))
        .join()
        .unwrap();
    assert_eq!(opened.is_ok(), keep);
    assert!(keep || matches!(opened, Err(Error::Denied { .. })));
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .send_to(b"a sentence", socket.local_addr().unwrap())
        .unwrap();
    let mut heard = false;
    for _ in 0..10 {
        tap.packets(Duration::from_millis(100), &mut |packet| {
            heard |= packet.data.ends_with(b"a sentence");
        })
        .unwrap();
    }
    assert!(heard);
}
