//! What systemd is told (`sd_notify(3)`): ready, reloading, stopping, the state in a line, and that the sensor is alive.
//!
//! Datagrams of `NAME=value` lines to the socket that `NOTIFY_SOCKET` names, a path or an abstract name after `@`. Without
//! it, nothing is sent. The socket is opened once at the start, before privileges are dropped. That a message is lost stops
//! nothing: a supervisor that does not listen must not keep the sensor from watching.
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::clock;

/// The way to the supervisor.
#[derive(Debug, Default)]
pub struct Notify {
    socket: Option<UnixDatagram>,
    /// Half of the time after which systemd takes the sensor for dead.
    every: Option<Duration>,
    /// When it was last told that the sensor is alive.
    last: Option<Duration>,
}

impl Notify {
    /// As the environment of the process says.
    pub fn from_env() -> io::Result<Notify> {
        let socket = std::env::var_os("NOTIFY_SOCKET");
        let mut notify = Notify::to(socket.as_deref())?;
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        // Set for another process, the watchdog is none of ours.
        let pid = number("WATCHDOG_PID");
        if pid.is_none_or(|pid| pid == u64::from(std::process::id())) {
            notify.every = watchdog(number("WATCHDOG_USEC"));
        }
        Ok(notify)
    }

    /// To a socket by name; `None` or an empty name for no supervisor.
    fn to(name: Option<&OsStr>) -> io::Result<Notify> {
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Ok(Notify::default());
        };
        let bytes = name.as_bytes();
        let address = match bytes.split_first() {
            Some((b'@', abstract_name)) => SocketAddr::from_abstract_name(abstract_name)?,
            Some((b'/', _)) => SocketAddr::from_pathname(name)?,
            _ => {
                let message = format!(
                    "NOTIFY_SOCKET is {}: expected a path or an abstract name after @",
                    name.display()
                );
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        // A full queue of the supervisor must not hold up the capture.
        socket.set_nonblocking(true)?;
        Ok(Notify {
            socket: Some(socket),
            ..Notify::default()
        })
    }

    /// Watching has begun.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// What `systemctl status` shows: one line.
    pub fn status(&self, line: &str) {
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        self.send(&format!("STATUS={line}"));
    }

    /// The site is read anew; [`Notify::ready`] ends it. The time lets systemd tell this reload from an earlier one.
    pub fn reloading(&self) {
        let now = clock::monotonic().as_micros();
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={now}"));
    }

    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// To be called from the loop that does the work, as often as it goes round: what hangs must fall silent.
    pub fn alive(&mut self) {
        let Some(every) = self.every else { return };
        let now = clock::monotonic();
        if self
            .last
            .is_none_or(|last| now.saturating_sub(last) >= every)
        {
            self.last = Some(now);
            self.send("WATCHDOG=1");
        }
    }

    fn send(&self, text: &str) {
        if let Some(socket) = &self.socket {
            // The supervisor is gone or busy; there is nobody else to tell.
            let _ = socket.send(text.as_bytes());
        }
    }
}

/// Half of the time given, as `sd_watchdog_enabled(3)` advises.
fn watchdog(usec: Option<u64>) -> Option<Duration> {
    usec.filter(|usec| *usec > 0)
        .map(|usec| Duration::from_micros(usec / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut bytes = [0u8; 512];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    fn timed(socket: UnixDatagram) -> UnixDatagram {
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        socket
    }

    #[test]
    fn the_supervisor_is_told_by_path_and_by_abstract_name() {
        let name = format!("seawall-notify-{}", std::process::id());
        let path = std::env::temp_dir().join(&name);
        let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
        let sockets = [
            (
                timed(UnixDatagram::bind(&path).unwrap()),
                path.clone().into_os_string(),
            ),
            (
                timed(UnixDatagram::bind_addr(&abstract_name).unwrap()),
                format!("@{name}").into(),
            ),
        ];
        for (socket, named) in sockets {
            let notify = Notify::to(Some(&named)).unwrap();
            notify.ready();
            assert_eq!(received(&socket), "READY=1");
            notify.status("watching eth1\nREADY=0");
            assert_eq!(
                received(&socket),
                "STATUS=watching eth1READY=0",
                "one line is one name"
            );
            let before = clock::monotonic().as_micros();
            notify.reloading();
            let text = received(&socket);
            let told: u128 = text
                .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
                .unwrap()
                .parse()
                .unwrap();
            assert!((before..=clock::monotonic().as_micros()).contains(&told));
            notify.stopping();
            assert_eq!(received(&socket), "STOPPING=1");
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn the_watchdog_is_fed_at_half_its_time_and_not_more_often() {
        let (here, there) = UnixDatagram::pair().unwrap();
        let there = timed(there);
        let mut notify = Notify {
            socket: Some(here),
            every: watchdog(Some(40_000)),
            last: None,
        };
        assert_eq!(notify.every, Some(Duration::from_millis(20)));
        notify.alive();
        assert_eq!(received(&there), "WATCHDOG=1");
        notify.last = Some(clock::monotonic() + Duration::from_secs(60));
        notify.alive();
        notify.last = Some(clock::monotonic() - Duration::from_millis(20));
        notify.alive();
        notify.stopping();
        assert_eq!(
            [received(&there), received(&there)],
            ["WATCHDOG=1", "STOPPING=1"]
        );
    }

    #[test]
    fn without_a_supervisor_or_after_its_end_nothing_happens() {
        let mut none = Notify::to(None).unwrap();
        none.ready();
        none.alive();
        let (here, there) = UnixDatagram::pair().unwrap();
        drop(there);
        Notify {
            socket: Some(here),
            ..Notify::default()
        }
        .ready();
        let wrong = Notify::to(Some(OsStr::new("vsock:2:1")))
            .unwrap_err()
            .to_string();
        assert_eq!(
            wrong,
            "NOTIFY_SOCKET is vsock:2:1: expected a path or an abstract name after @"
        );
    }
}
