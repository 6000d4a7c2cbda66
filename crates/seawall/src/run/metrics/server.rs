//! `GET /metrics` and `GET /health` over HTTP/1.1, for who asks on the machine itself. Started only when configured.
//!
//! One thread, one request at a time, answered from what was published last: who asks never touches the sensor. A request has
//! a limit in size and in time. Addresses that others can reach are refused unless the site allows them by name, since
//! there is no login and the numbers tell what the sensor does not see.
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Health, Metrics};
use crate::clock;

/// Octets of a request's head at most.
const MOST: usize = 4096;
/// For a whole request and its answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Measured is every few seconds, and after each judgement at the latest; the watchdog ends what hangs for longer than this.
const STALE: Duration = Duration::from_secs(60);

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    Tcp {
        address: SocketAddr,
        /// Whether it may be an address that other machines reach.
        from_anywhere: bool,
    },
    /// A socket in the file system; owner and group may connect.
    Unix(PathBuf),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp { address, .. } => address.fmt(f),
            Listen::Unix(path) => path.display().fmt(f),
        }
    }
}

/// The responder; it ends with this value.
#[derive(Debug)]
pub struct Server {
    listen: Listen,
    page: Arc<Mutex<Page>>,
    stop: Arc<AtomicBool>,
}

/// What was published last.
#[derive(Debug, Default)]
struct Page {
    metrics: String,
    health: String,
    ok: bool,
    /// When, on the steady clock.
    at: Duration,
}

impl Page {
    /// What is wrong where nobody measured for long: numbers that stand still look as if all were well.
    fn stale(&self, now: Duration) -> Option<String> {
        let since = now.saturating_sub(self.at);
        (since > STALE).then(|| {
            let reason = format!("Nothing was measured for {} s.", since.as_secs());
            Health {
                reasons: vec![reason],
            }
            .json()
        })
    }
}

impl Server {
    pub fn start(listen: &Listen) -> io::Result<Server> {
        let failed = |error: io::Error| {
            io::Error::new(
                error.kind(),
                format!("cannot serve metrics at {listen}: {error}"),
            )
        };
        let page: Arc<Mutex<Page>> = Arc::default();
        let (far, mut listens) = (Arc::clone(&page), listen.clone());
        let accept: Box<dyn Fn() + Send> = match listen {
            Listen::Tcp {
                address,
                from_anywhere,
            } => {
                if !address.ip().is_loopback() && !from_anywhere {
                    let message =
                        "other machines can reach it; give a loopback address, or allow it by name";
                    return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, message)));
                }
                let listener = TcpListener::bind(address).map_err(failed)?;
                // Port 0 asks for any; Display and the end need the one given.
                let address = listener.local_addr().map_err(failed)?;
                listens = Listen::Tcp {
                    address,
                    from_anywhere: *from_anywhere,
                };
                Box::new(move || serve(listener.accept(), &far))
            }
            Listen::Unix(path) => {
                // A socket that an earlier run left; anything else is not ours to remove.
                if std::fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket())
                {
                    std::fs::remove_file(path).map_err(failed)?;
                }
                let listener = UnixListener::bind(path).map_err(failed)?;
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))
                    .map_err(failed)?;
                Box::new(move || serve(listener.accept(), &far))
            }
        };
        let stop: Arc<AtomicBool> = Arc::default();
        let stopped = Arc::clone(&stop);
        std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    accept();
                }
            })
            .map_err(failed)?;
        Ok(Server {
            listen: listens,
            page,
            stop,
        })
    }

    /// Where it listens: the port given, where any was asked for.
    #[cfg(test)]
    pub fn listens(&self) -> &Listen {
        &self.listen
    }

    /// What is answered from now on.
    pub fn publish(&self, metrics: &Metrics) {
        let health = metrics.health();
        let page = Page {
            metrics: metrics.prometheus(),
            ok: health.is_ok(),
            health: health.json(),
            at: clock::monotonic(),
        };
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = page;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread, which then sees that it is over.
        match &self.listen {
            Listen::Tcp { address, .. } => drop(TcpStream::connect_timeout(address, PATIENCE)),
            Listen::Unix(path) => {
                drop(UnixStream::connect(path));
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// A connection with a limit on how long a read or write may take.
trait Timed: Read + Write {
    fn limit(&self, time: Duration) -> io::Result<()>;
}

impl Timed for TcpStream {
    fn limit(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))
            .and_then(|()| self.set_write_timeout(Some(time)))
    }
}

impl Timed for UnixStream {
    fn limit(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))
            .and_then(|()| self.set_write_timeout(Some(time)))
    }
}

/// One connection. Who asked and went away is nobody to tell.
fn serve<S: Timed, A>(accepted: io::Result<(S, A)>, page: &Mutex<Page>) {
    match accepted {
        Ok((stream, _)) => drop(answer(stream, page)),
        // Out of file descriptors, most likely: that passes, and must not cost a core until it does.
        Err(_) => std::thread::sleep(Duration::from_millis(200)),
    }
}

fn answer(mut stream: impl Timed, page: &Mutex<Page>) -> io::Result<()> {
    let until = clock::monotonic().saturating_add(PATIENCE);
    let head = head(&mut stream, until)?;
    let (status, kind, body) = respond(&head, page, clock::monotonic());
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
    left(&stream, until)?;
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

/// The rest of the time, as limit of the next read or write.
fn left(stream: &impl Timed, until: Duration) -> io::Result<()> {
    let left = until.saturating_sub(clock::monotonic());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    stream.limit(left)
}

/// What comes before the empty line; as much as came where that is too long.
fn head(stream: &mut impl Timed, until: Duration) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut part = [0u8; 512];
    while head.len() < MOST && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        left(stream, until)?;
        match stream.read(&mut part)? {
            0 => break,
            length => head.extend_from_slice(part.get(..length).unwrap_or_default()),
        }
    }
    Ok(head)
}

const TEXT: &str = "text/plain; charset=utf-8";

fn respond(head: &[u8], page: &Mutex<Page>, now: Duration) -> (&'static str, &'static str, String) {
    let whole = head.windows(4).any(|end| end == b"\r\n\r\n");
    if !whole {
        let status = if head.len() >= MOST {
            "431 Request Header Fields Too Large"
        } else {
            "400 Bad Request"
        };
        return (status, TEXT, "expected a request of HTTP/1.1\n".to_owned());
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    if !version.is_some_and(|version| version.starts_with("HTTP/1.")) || words.next().is_some() {
        return (
            "400 Bad Request",
            TEXT,
            "expected a request of HTTP/1.1\n".to_owned(),
        );
    }
    if method != Some("GET") {
        return (
            "405 Method Not Allowed",
            TEXT,
            "only GET is answered\n".to_owned(),
        );
    }
    let page = page.lock().unwrap_or_else(PoisonError::into_inner);
    let path = target
        .unwrap_or_default()
        .split('?')
        .next()
        .unwrap_or_default();
    let stale = page.stale(now);
    match path {
        "/metrics" | "/health" if page.health.is_empty() => (
            "503 Service Unavailable",
            TEXT,
            "nothing was measured yet\n".to_owned(),
        ),
        // A scrape that fails shows as `up == 0`; old numbers would show as new ones.
        "/metrics" | "/health" if stale.is_some() => (
            "503 Service Unavailable",
            "application/json",
            stale.unwrap_or_default(),
        ),
        "/metrics" => (
            "200 OK",
            "text/plain; version=0.0.4; charset=utf-8",
            page.metrics.clone(),
        ),
        // A load balancer or a probe reads the status only.
        "/health" if page.ok => ("200 OK", "application/json", page.health.clone()),
        "/health" => (
            "503 Service Unavailable",
            "application/json",
            page.health.clone(),
        ),
        _ => (
            "404 Not Found",
            TEXT,
            "there are /metrics and /health\n".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::well;
    use super::*;

    fn ask(mut stream: impl Timed, request: &str) -> String {
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn local() -> (Server, SocketAddr) {
        let listen = Listen::Tcp {
            address: ([127, 0, 0, 1], 0).into(),
            from_anywhere: false,
        };
        let server = Server::start(&listen).unwrap();
        let Listen::Tcp { address, .. } = *server.listens() else {
            panic!()
        };
        (server, address)
    }

    #[test]
    fn metrics_and_health_are_served_and_nothing_else() {
        let (server, address) = local();
        let get = |path: &str| {
            ask(
                TcpStream::connect(address).unwrap(),
                &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"),
            )
        };
        assert!(
            get("/metrics").starts_with("HTTP/1.1 503 "),
            "before anything was measured"
        );
        let mut metrics = well();
        server.publish(&metrics);
        let answer = get("/metrics");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"),
            "{head}"
        );
        assert!(
            head.contains(&format!("Content-Length: {}\r\n", body.len())),
            "{head}"
        );
        assert_eq!(body, metrics.prometheus());
        assert!(get("/health?verbose").ends_with("\r\n\r\n{\"status\":\"ok\",\"reasons\":[]}\n"));
        metrics.interfaces[0].up = false;
        server.publish(&metrics);
        let answer = get("/health");
        assert!(
            answer.starts_with("HTTP/1.1 503 ") && answer.contains("\"degraded\""),
            "{answer}"
        );
        assert!(get("/../etc/passwd").starts_with("HTTP/1.1 404 "));
        let post = ask(
            TcpStream::connect(address).unwrap(),
            "POST /metrics HTTP/1.1\r\n\r\n",
        );
        assert!(post.starts_with("HTTP/1.1 405 "), "{post}");
        let nonsense = ask(TcpStream::connect(address).unwrap(), "\r\n\r\n");
        assert!(nonsense.starts_with("HTTP/1.1 400 "), "{nonsense}");
        let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(MOST - 26));
        let long = ask(TcpStream::connect(address).unwrap(), &long);
        assert!(long.starts_with("HTTP/1.1 431 "), "{long}");
    }

    #[test]
    fn numbers_that_nobody_renews_are_not_given_as_those_of_now() {
        let (server, _) = local();
        server.publish(&well());
        let published = server.page.lock().unwrap().at;
        let ask = |path: &str, later| {
            let head = format!("GET {path} HTTP/1.1\r\n\r\n");
            respond(head.as_bytes(), &server.page, published + later)
        };
        assert_eq!(ask("/health", STALE).0, "200 OK");
        let late = STALE + Duration::from_secs(3);
        let (status, _, body) = ask("/health", late);
        assert!(status.starts_with("503"), "{status}");
        assert_eq!(
            body,
            "{\"status\":\"degraded\",\"reasons\":[\"Nothing was measured for 63 s.\"]}\n"
        );
        assert!(ask("/metrics", late).0.starts_with("503"));
    }

    #[test]
    fn who_says_nothing_is_let_go_and_the_next_one_is_answered() {
        let (server, address) = local();
        server.publish(&well());
        let mut silent = TcpStream::connect(address).unwrap();
        silent.write_all(b"GET /met").unwrap();
        let answer = ask(
            TcpStream::connect(address).unwrap(),
            "GET /health HTTP/1.1\r\n\r\n",
        );
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        drop(silent);
    }

    #[test]
    fn an_address_that_others_reach_is_refused_unless_allowed() {
        let address: SocketAddr = ([0, 0, 0, 0], 0).into();
        let refused = Server::start(&Listen::Tcp {
            address,
            from_anywhere: false,
        })
        .unwrap_err();
        assert_eq!(
            refused.to_string(),
            "cannot serve metrics at 0.0.0.0:0: other machines can reach it; give a loopback address, or allow it by name"
        );
    }

    #[test]
    fn a_socket_in_the_file_system_serves_too_and_is_taken_over_from_a_run_that_crashed() {
        let folder = super::super::super::sinks::testing::folder("metrics-socket");
        let path = folder.join("metrics.sock");
        // The file stays when its listener ends without a word.
        drop(UnixListener::bind(&path).unwrap());
        let server = Server::start(&Listen::Unix(path.clone())).unwrap();
        server.publish(&well());
        let answer = ask(
            UnixStream::connect(&path).unwrap(),
            "GET /metrics HTTP/1.0\r\n\r\n",
        );
        assert!(answer.contains("seawall_build_info"), "{answer}");
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o660
        );
        drop(server);
        assert!(!path.exists());
        std::fs::write(&path, "not a socket").unwrap();
        assert!(Server::start(&Listen::Unix(path.clone())).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a socket");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
