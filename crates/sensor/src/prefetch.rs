//! A word to the core about what it will be asked for next.
#![allow(unsafe_code)] // The hint has no safe door; it reads nothing, and changes nothing but what the cache holds.

/// Has a cache line of the bytes fetched, those of `at` and around it, without waiting for it. Does nothing where the
/// processor has no such hint, or there is no such byte.
#[inline]
pub(crate) fn prefetch(bytes: &[u8], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(byte) = bytes.get(at) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the address is that of a byte that is there, and a prefetch may be given any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, at);
}
