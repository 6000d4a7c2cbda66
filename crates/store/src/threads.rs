//! Threads that may not be had: a machine under load, or a limit of the service, must cost time and not the judgement.
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// A thread that does this; `None` where the system gives none.
pub(crate) fn beside<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Option<ScopedJoinHandle<'scope, T>> {
    let builder = Builder::new();
    #[cfg(test)]
    let builder = tests::as_wanted(builder);
    builder.spawn_scoped(scope, work).ok()
}

/// What came of the work of a thread.
pub(crate) fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Does both at a time where a thread can be had, else the other first.
pub(crate) fn both<A: Send, B>(one: impl Fn() -> A + Sync, other: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let thread = beside(scope, &one);
        let other = other();
        (thread.map_or_else(&one, join), other)
    })
}

/// Threads at most among which items are shared out: the rest of a judgement does not get faster with them.
const MOST_SHARES: usize = 4;

/// Does this with all items in shares of at least `least`, one for each core, and gives what came of them in order. The work
/// is told the place of the first item of its share.
pub(crate) fn in_shares<I: Send, T: Send>(
    items: &mut [I],
    least: usize,
    work: impl Fn(usize, &mut [I]) -> T + Sync,
) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let size = items.len().div_ceil(cores.min(MOST_SHARES)).max(least);
    let work = &work;
    // Whoever gets no thread is done here, so the share has to be there still.
    let shares: Vec<_> = items
        .chunks_mut(size)
        .map(|share| Mutex::new(Some(share)))
        .collect();
    let take = |nth: usize, share: &Mutex<Option<&mut [I]>>| {
        let mut share = share.lock().unwrap_or_else(PoisonError::into_inner);
        work(nth * size, share.take().unwrap_or_default())
    };
    let take = &take;
    std::thread::scope(|scope| {
        let others: Vec<_> = shares
            .iter()
            .enumerate()
            .skip(1)
            .map(|(nth, share)| (nth, share, beside(scope, move || take(nth, share))))
            .collect();
        let first = shares.first().map(|share| take(0, share));
        let others = others
            .into_iter()
            .map(|(nth, share, thread)| thread.map_or_else(|| take(nth, share), join));
        first.into_iter().chain(others).collect()
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static REFUSED: Cell<bool> = const { Cell::new(false) };
    }

    /// Asks for a stack that no machine has, so that the system refuses the thread itself.
    pub(super) fn as_wanted(builder: Builder) -> Builder {
        match REFUSED.get() {
            true => builder.stack_size(1 << 60),
            false => builder,
        }
    }

    /// Does this while the system gives no thread.
    pub(crate) fn without<T>(run: impl FnOnce() -> T) -> T {
        REFUSED.set(true);
        let done = run();
        REFUSED.set(false);
        done
    }

    #[test]
    fn work_is_done_whether_a_thread_can_be_had_or_not() {
        let here = std::thread::current().id();
        let other = || std::thread::current().id();
        let done = || both(|| std::thread::current().id(), other);
        assert!(done().0 != here);
        assert_eq!(without(done), (here, here));
    }

    #[test]
    fn every_item_is_in_one_share_and_what_comes_of_them_stands_in_order() {
        let done = |count: usize| {
            let mut items = vec![0; count];
            let shares = in_shares(&mut items, 10, |begin, share| {
                share
                    .iter_mut()
                    .zip(begin..)
                    .for_each(|(item, place)| *item += place);
                share.len()
            });
            assert!(items.into_iter().eq(0..count));
            shares.into_iter().sum::<usize>()
        };
        for count in [0, 1, 10, 11, 1001] {
            assert_eq!((done(count), without(|| done(count))), (count, count));
        }
    }
}
