//! Threads that may not be had: a machine under load, or a limit of the service, must cost time and not the judgement.
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
}
