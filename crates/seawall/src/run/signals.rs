//! What the system asks for: to stop (SIGTERM, SIGINT) and to read the site anew (SIGHUP).
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::error::Error;

/// Requests that came in.
#[derive(Debug, Default)]
pub struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Signals {
    /// Takes them from now on. A second request to stop ends the process where it stands.
    pub fn listen() -> Result<Signals, Error> {
        let signals = Signals::default();
        let register = || {
            for signal in [SIGTERM, SIGINT] {
                signal_hook::flag::register_conditional_shutdown(
                    signal,
                    1,
                    Arc::clone(&signals.stop),
                )?;
                signal_hook::flag::register(signal, Arc::clone(&signals.stop))?;
            }
            signal_hook::flag::register(SIGHUP, Arc::clone(&signals.reload))
        };
        register().map_err(Error::Signals)?;
        Ok(signals)
    }

    pub fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether the site is to be read anew; once per request.
    pub fn reload(&self) -> bool {
        self.reload.swap(false, Ordering::Relaxed)
    }
}
