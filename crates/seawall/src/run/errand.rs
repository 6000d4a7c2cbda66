//! Work that waits for a disk, done on a thread of its own: the keeper hands the thing over that the work is done on, goes on
//! judging, and takes it back when the work is done. A disk that is busy delays what is written, never what is told.
use std::sync::mpsc::{Receiver, SendError, Sender, TryRecvError, channel};

/// Something that is either here or away on an errand. Its thread ends with this value.
#[derive(Debug)]
pub struct Errand<T, A, R> {
    here: Option<T>,
    go: Sender<(T, A)>,
    back: Receiver<(T, R)>,
    /// Its thread is gone, and what it had with it.
    lost: bool,
}

impl<T, A, R> Errand<T, A, R>
where
    T: Send + 'static,
    A: Send + 'static,
    R: Send + 'static,
{
    pub fn new(name: &str, here: T, work: fn(&mut T, A) -> R) -> std::io::Result<Errand<T, A, R>> {
        let (go, take) = channel::<(T, A)>();
        let (give, back) = channel();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while let Ok((mut one, what)) = take.recv() {
                    let done = work(&mut one, what);
                    if give.send((one, done)).is_err() {
                        break;
                    }
                }
            })?;
        Ok(Errand {
            here: Some(here),
            go,
            back,
            lost: false,
        })
    }

    /// What is here, unless it is away.
    pub fn here(&mut self) -> Option<&mut T> {
        self.here.as_mut()
    }

    /// Sends it off; `false` if it is away already.
    pub fn send(&mut self, what: A) -> bool {
        let Some(one) = self.here.take() else {
            return false;
        };
        if let Err(SendError((one, _))) = self.go.send((one, what)) {
            self.here = Some(one);
            self.lost = true;
        }
        !self.lost
    }

    /// What the errand brought, if it is over by now; once.
    pub fn back(&mut self) -> Option<R> {
        if self.here.is_some() {
            return None;
        }
        match self.back.try_recv() {
            Ok(back) => Some(self.arrived(back)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.lost = true;
                None
            }
        }
    }

    /// Waits until it is here; what the errand brought, if it was away.
    pub fn wait(&mut self) -> Option<R> {
        if self.here.is_some() {
            return None;
        }
        match self.back.recv() {
            Ok(back) => Some(self.arrived(back)),
            Err(_) => {
                self.lost = true;
                None
            }
        }
    }

    fn arrived(&mut self, (one, done): (T, R)) -> R {
        self.here = Some(one);
        done
    }

    /// Whether it will never come back.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    pub fn into_here(mut self) -> Option<T> {
        self.here.take()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    #[test]
    fn what_is_away_is_not_waited_for_and_comes_back_with_what_it_did() {
        let work = |one: &mut u32, gate: Receiver<u32>| {
            *one += gate.recv().unwrap();
            "done"
        };
        let mut errand = Errand::new("errand", 1u32, work).unwrap();
        let (open, gate) = channel();
        assert!(errand.send(gate));
        assert_eq!(errand.here(), None);
        assert_eq!(errand.back(), None);
        assert!(!errand.send(channel().1), "it is away");
        open.send(2).unwrap();
        assert_eq!(errand.wait(), Some("done"));
        assert_eq!((errand.back(), errand.wait()), (None, None), "told once");
        assert_eq!(errand.into_here(), Some(3));
    }

    #[test]
    fn one_whose_thread_is_gone_is_lost_and_that_is_known() {
        let work = |_: &mut u32, gate: Receiver<u32>| assert_eq!(gate.recv(), Ok(0));
        let mut errand = Errand::new("errand", 1u32, work).unwrap();
        errand.send(channel().1);
        assert_eq!(errand.wait(), None);
        assert!(errand.is_lost() && errand.here().is_none());
    }
}
