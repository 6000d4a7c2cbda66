//! A log server: syslog messages (RFC 5424) over UDP (RFC 5426), TCP (RFC 6587) or TLS (RFC 5425).
//!
//! A thread of its own sends; who has events only puts them into a bounded queue. When the other end is away, it is tried
//! again after ever longer pauses; when the queue is full, the oldest go, are counted, and the server is told how many
//! once it is back. Syslog has no receipts: what the network took and the server never read, nobody can know.
mod line;
mod message;
mod queue;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use facts::site::FACILITIES;
use report::events::{Event, Format, Origin};

use super::{Counts, Error, Sink};
use line::Way;
use queue::Queue;

/// A log server as the site declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct SyslogConfig {
    pub transport: Transport,
    /// `host`, `host:port`, `192.0.2.7:514` or `[2001:db8::7]:6514`; without a port the one of the transport.
    pub address: String,
    pub facility: Facility,
    pub format: Format,
}

/// How messages travel.
#[derive(Clone, Debug, PartialEq)]
pub enum Transport {
    /// Port 514. Readable and forgeable by whoever is in between, and lost without a word.
    Udp,
    /// Port 601. Readable by whoever is in between.
    Tcp,
    /// Port 6514.
    Tls {
        /// PEM file of the certificate authorities that may vouch for the server; no others are trusted.
        ca: PathBuf,
        /// How the sensor proves who it is, where the server asks.
        client: Option<Client>,
        /// The name that the server's certificate must have; that of the address if not given.
        server_name: Option<String>,
    },
}

/// A certificate with its key, both PEM files.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Which part of the system speaks (RFC 5424, 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(u8);

impl Facility {
    pub fn parse(name: &str) -> Option<Facility> {
        let found = FACILITIES.iter().find(|(known, _)| *known == name);
        found.map(|(_, number)| Facility(*number))
    }

    const fn number(self) -> u8 {
        self.0
    }
}

impl Default for Facility {
    fn default() -> Facility {
        Facility(16)
    }
}

/// The sink: the queue's near end.
#[derive(Debug)]
pub struct Syslog {
    facility: Facility,
    format: Format,
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl Syslog {
    /// Reads certificates and starts the thread; connecting is the thread's work.
    pub fn open(config: SyslogConfig) -> Result<Syslog, Error> {
        let way = Way::new(&config)?;
        let queue = Arc::new(Queue::default());
        let far = Arc::clone(&queue);
        let (facility, format) = (config.facility, config.format);
        let lost = move |number, origin: &Origin| {
            message::message(&events_lost(number), origin, facility, format)
        };
        let thread = std::thread::Builder::new()
            .name("syslog".to_owned())
            .spawn(move || queue::run(&far, way, lost))
            .map_err(|source| Error::Thread {
                address: config.address.clone(),
                source,
            })?;
        Ok(Syslog {
            facility,
            format,
            queue,
            thread: Some(thread),
        })
    }
}

impl Syslog {
    /// Whether the thread ended that nobody told to: what waits would wait for ever.
    fn is_gone(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }
}

/// What the server is told once it is back.
fn events_lost(number: u64) -> Event {
    use facts::Value;
    use report::events::{Health, Trouble};
    let detail = format!(
        "{number} events could not be delivered here while this server was away; the oldest are gone."
    );
    let value = Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let health = Health::new(Trouble::EventsLost, None, detail).with("events_lost", value);
    Event::health(crate::clock::now(), health)
}

impl Sink for Syslog {
    fn send(&mut self, events: &[Event], origin: &Origin) -> Result<(), Error> {
        let messages = events
            .iter()
            .map(|event| message::message(event, origin, self.facility, self.format));
        self.queue.put(messages, origin);
        Ok(())
    }

    fn reopen(&mut self) {
        self.queue.reopen();
    }

    fn counts(&self) -> Counts {
        let counts = self.queue.counts();
        Counts {
            working: counts.working && !self.is_gone(),
            ..counts
        }
    }

    fn problem(&self) -> Option<String> {
        match self.is_gone() {
            true => {
                Some("its thread is gone, which is a mistake of Seawall; start it anew".to_owned())
            }
            false => self.queue.problem(),
        }
    }

    fn drain(&mut self, within: Duration) {
        self.queue.drain(within);
    }
}

impl Drop for Syslog {
    /// What still waits is given up: who wants it delivered drains first.
    fn drop(&mut self) {
        self.queue.stop();
        // Within a connection attempt the thread may take its time; the program does not wait for it.
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}
