//! The system calls of live capture, each behind a function that cannot be misused.
//!
//! Spec: packet(7), Documentation/networking/packet_mmap.rst of the kernel (TPACKET_V3), capabilities(7), prctl(2).
#![allow(unsafe_code)] // Packet rings, capabilities and prctl have no safe door; all of that is in this file.

use std::ffi::{CStr, c_int, c_ulong, c_void};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What waiting for a socket brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    Ready,
    Nothing,
    /// The socket has an error pending, most often ENETDOWN.
    Fault,
}

/// Length of a name, its closing zero included (IFNAMSIZ).
const NAME: usize = libc::IFNAMSIZ;

fn done(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// A packet socket.
#[derive(Debug)]
pub(super) struct Socket(OwnedFd);

impl Socket {
    /// Bound to no protocol, so that it takes nothing in before [`Socket::bind`].
    pub(super) fn new() -> io::Result<Socket> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: no memory is passed.
        let fd = done(unsafe { libc::socket(libc::AF_PACKET, kind, 0) })?;
        // SAFETY: the kernel has just given this descriptor to us alone.
        Ok(Socket(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub(super) fn set<T: Copy>(&self, level: c_int, name: c_int, value: &T) -> io::Result<()> {
        let length = libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0);
        // SAFETY: the pointer and the length are those of a value that outlives the call, which only reads.
        let result = unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                level,
                name,
                ptr::from_ref(value).cast::<c_void>(),
                length,
            )
        };
        done(result).map(|_| ())
    }

    /// The bytes of an option's value; zeros behind what the kernel filled in.
    pub(super) fn get<const N: usize>(&self, level: c_int, name: c_int) -> io::Result<[u8; N]> {
        let mut value = [0u8; N];
        let mut length = libc::socklen_t::try_from(N).unwrap_or(0);
        // SAFETY: the kernel writes at most `length` bytes into `value`, which is that long.
        let result = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                level,
                name,
                value.as_mut_ptr().cast::<c_void>(),
                &raw mut length,
            )
        };
        done(result).map(|_| value)
    }

    /// Sets an option whose value is a classic BPF program.
    pub(super) fn set_program(
        &self,
        level: c_int,
        name: c_int,
        program: &[libc::sock_filter],
    ) -> io::Result<()> {
        let fprog = libc::sock_fprog {
            len: u16::try_from(program.len())
                .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?,
            // The kernel copies the program and writes nothing.
            filter: program.as_ptr().cast_mut(),
        };
        self.set(level, name, &fprog)
    }

    /// From now on every protocol of the interface comes in.
    pub(super) fn bind(&self, index: c_int) -> io::Result<()> {
        // SAFETY: all zeros is a value of this plain struct.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or(0);
        address.sll_protocol = u16::try_from(libc::ETH_P_ALL).unwrap_or(0).to_be();
        address.sll_ifindex = index;
        let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).unwrap_or(0);
        // SAFETY: the pointer and the length are those of `address`, which outlives the call.
        let result = unsafe {
            libc::bind(
                self.0.as_raw_fd(),
                ptr::from_ref(&address).cast::<libc::sockaddr>(),
                length,
            )
        };
        done(result).map(|_| ())
    }

    /// Index of the interface that it is bound to; negative once that interface was deleted.
    pub(super) fn bound(&self) -> io::Result<c_int> {
        // SAFETY: all zeros is a value of this plain struct.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        let mut length = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).unwrap_or(0);
        // SAFETY: the kernel writes at most `length` bytes into `address`, which is that long.
        let result = unsafe {
            libc::getsockname(
                self.0.as_raw_fd(),
                ptr::from_mut(&mut address).cast::<libc::sockaddr>(),
                &raw mut length,
            )
        };
        done(result).map(|_| address.sll_ifindex)
    }

    /// The kernel's answer to a question about an interface.
    fn ask(&self, question: c_ulong, request: &mut libc::ifreq) -> io::Result<()> {
        // SAFETY: every question asked here takes an `ifreq`, and writes nothing beyond it.
        let result =
            unsafe { libc::ioctl(self.0.as_raw_fd(), question as _, ptr::from_mut(request)) };
        done(result).map(|_| ())
    }

    pub(super) fn index_of(&self, name: &str) -> io::Result<c_int> {
        let mut request = named(name)?;
        self.ask(libc::SIOCGIFINDEX, &mut request)?;
        // SAFETY: the kernel has just filled in this member; any bytes are a number.
        Ok(unsafe { request.ifr_ifru.ifru_ifindex })
    }

    /// Flags (IFF_) of the interface with that index, whatever it is called now.
    pub(super) fn flags(&self, index: c_int) -> io::Result<c_int> {
        let mut request = named("")?;
        request.ifr_ifru.ifru_ifindex = index;
        self.ask(libc::SIOCGIFNAME, &mut request)?;
        self.ask(libc::SIOCGIFFLAGS, &mut request)?;
        // SAFETY: the kernel has just filled in this member; any bytes are a number.
        Ok(c_int::from(unsafe { request.ifr_ifru.ifru_flags }))
    }

    /// Its type of link layer (ARPHRD_).
    pub(super) fn link_type(&self, name: &str) -> io::Result<u16> {
        let mut request = named(name)?;
        self.ask(libc::SIOCGIFHWADDR, &mut request)?;
        // SAFETY: the kernel has just filled in this member; any bytes are a number.
        Ok(unsafe { request.ifr_ifru.ifru_hwaddr.sa_family })
    }

    /// Whether someone has set the network card to stamp every frame that comes in.
    pub(super) fn stamps_every_frame(&self, name: &str) -> io::Result<bool> {
        /// HWTSTAMP_FILTER_ALL of linux/net_tstamp.h.
        const ALL: c_int = 1;
        // hwtstamp_config: flags, tx_type, rx_filter.
        let mut config = [0 as c_int; 3];
        let mut request = named(name)?;
        request.ifr_ifru.ifru_data = config.as_mut_ptr().cast();
        self.ask(libc::SIOCGHWTSTAMP, &mut request)?;
        let [_, _, filter] = config;
        Ok(filter == ALL)
    }

    /// Sets the network card to stamp every frame that comes in, which takes CAP_NET_ADMIN; whether it now does.
    pub(super) fn have_every_frame_stamped(&self, name: &str) -> io::Result<bool> {
        /// HWTSTAMP_FILTER_ALL of linux/net_tstamp.h.
        const ALL: c_int = 1;
        // hwtstamp_config: flags, tx_type (off: nothing is sent), rx_filter. The kernel writes back what it did.
        let mut config = [0, 0, ALL];
        let mut request = named(name)?;
        request.ifr_ifru.ifru_data = config.as_mut_ptr().cast();
        self.ask(libc::SIOCSHWTSTAMP, &mut request)?;
        let [_, _, filter] = config;
        Ok(filter == ALL)
    }

    pub(super) fn wait(&self, at_most: Duration) -> io::Result<Woken> {
        let mut waiting = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let at_most = c_int::try_from(at_most.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: one pollfd is passed, and said to be one.
        match done(unsafe { libc::poll(&raw mut waiting, 1, at_most) }) {
            Ok(0) => Ok(Woken::Nothing),
            Ok(_) if waiting.revents & libc::POLLERR != 0 => Ok(Woken::Fault),
            Ok(_) => Ok(Woken::Ready),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Woken::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Has the kernel make a ring of `blocks` blocks of `size` bytes, and maps it.
    pub(super) fn ring(&self, size: u32, blocks: u32, timeout_ms: u32) -> io::Result<Ring> {
        // The size of a frame is not used by version 3, but has to divide the blocks.
        const FRAME: u32 = 2048;
        let request = libc::tpacket_req3 {
            tp_block_size: size,
            tp_block_nr: blocks,
            tp_frame_size: FRAME,
            tp_frame_nr: (size / FRAME).saturating_mul(blocks),
            tp_retire_blk_tov: timeout_ms,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        self.set(libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        let (size, blocks) = (size as usize, blocks as usize);
        let length = size
            .checked_mul(blocks)
            .ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new map at a place of the kernel's choice touches no memory of ours.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                self.0.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Ring {
            start,
            size,
            blocks,
        })
    }
}

/// Waits until one of the sockets has packets or an error pending. Without any it is a pause.
pub(super) fn wait_for_any<'a>(
    sockets: impl Iterator<Item = &'a Socket>,
    at_most: Duration,
) -> io::Result<()> {
    let waiting = |socket: &Socket| libc::pollfd {
        fd: socket.0.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let mut waiting: Vec<libc::pollfd> = sockets.map(waiting).collect();
    let count = libc::nfds_t::try_from(waiting.len()).unwrap_or(0);
    let at_most = c_int::try_from(at_most.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: the pointer and the number are those of a vector that outlives the call.
    match done(unsafe { libc::poll(waiting.as_mut_ptr(), count, at_most) }) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

/// A request about the interface of that name.
fn named(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: all zeros is a value of this plain struct.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.len() >= NAME || name.contains('\0') {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed() as _;
    }
    Ok(request)
}

/// The blocks that kernel and program hand to each other.
///
/// A block belongs to the program from the moment its status says so until [`Ring::give_back`]; the kernel writes to no
/// other. So a slice of it is sound while its status stands, which the borrows below see to.
#[derive(Debug)]
pub(super) struct Ring {
    start: NonNull<u8>,
    size: usize,
    blocks: usize,
}

// SAFETY: the map belongs to no thread; whoever holds the ring is the only one on this side of it.
unsafe impl Send for Ring {}

/// A block begins with version, place of private data, and status.
const STATUS_AT: usize = 8;

impl Ring {
    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }

    fn status(&self, block: usize) -> Option<&AtomicU32> {
        if block >= self.blocks {
            return None;
        }
        // SAFETY: the block lies in the map, which is page-aligned and lives as long as `self`; both sides treat the
        // status as atomic.
        Some(unsafe {
            AtomicU32::from_ptr(
                self.start
                    .as_ptr()
                    .add(block * self.size + STATUS_AT)
                    .cast(),
            )
        })
    }

    /// Whether the kernel has handed the block over.
    pub(super) fn is_ready(&self, block: usize) -> bool {
        self.status(block)
            .is_some_and(|status| status.load(Ordering::Acquire) & libc::TP_STATUS_USER != 0)
    }

    /// A block that the kernel has handed over.
    pub(super) fn block(&mut self, block: usize) -> Option<&mut [u8]> {
        if !self.is_ready(block) {
            return None;
        }
        // SAFETY: the block lies in the map (`is_ready` saw to it), is ours until given back, and `give_back` cannot be
        // called while the slice borrows the ring.
        Some(unsafe {
            std::slice::from_raw_parts_mut(self.start.as_ptr().add(block * self.size), self.size)
        })
    }

    pub(super) fn give_back(&mut self, block: usize) {
        if let Some(status) = self.status(block) {
            status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the map was made with this length, and nothing borrows from it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.size * self.blocks) };
    }
}

/// The header that stands before a packet in a block; `None` where there is no room for one.
pub(super) fn header(bytes: &[u8]) -> Option<libc::tpacket3_hdr> {
    let bytes = bytes.get(..size_of::<libc::tpacket3_hdr>())?;
    // SAFETY: the slice is as long as the header, which is made of numbers only.
    Some(unsafe { ptr::read_unaligned(bytes.as_ptr().cast()) })
}

/// Gives up the groups, then the group, then the user of the whole process.
pub(super) fn become_user(user: u32, group: u32) -> Result<(), (&'static str, io::Error)> {
    // SAFETY: no group is passed, and none is read.
    done(unsafe { libc::setgroups(0, ptr::null()) }).map_err(|e| ("setgroups", e))?;
    // SAFETY: no memory is passed.
    done(unsafe { libc::setresgid(group, group, group) }).map_err(|e| ("setresgid", e))?;
    // SAFETY: no memory is passed.
    done(unsafe { libc::setresuid(user, user, user) }).map_err(|e| ("setresuid", e))?;
    Ok(())
}

pub(super) fn effective_user() -> u32 {
    // SAFETY: no memory is passed, and the call cannot fail.
    unsafe { libc::geteuid() }
}

/// `prctl` with numbers only.
pub(super) fn prctl(option: c_int, second: c_ulong, third: c_ulong) -> io::Result<c_int> {
    let none: c_ulong = 0;
    // SAFETY: the options used take numbers, no pointers.
    done(unsafe { libc::prctl(option, second, third, none, none) })
}

/// Makes these the permitted and effective capabilities of this thread, and none inheritable.
pub(super) fn set_capabilities(wanted: u64) -> io::Result<()> {
    /// _LINUX_CAPABILITY_VERSION_3: two words of 32 bits each.
    const VERSION: u32 = 0x2008_0522;
    let head = [VERSION, 0];
    let low = u32::try_from(wanted & u64::from(u32::MAX)).unwrap_or(0);
    let high = u32::try_from(wanted >> 32).unwrap_or(0);
    // effective, permitted, inheritable; twice.
    let data = [low, low, 0, high, high, 0];
    // SAFETY: version 3 reads a header of two words and data of six; both outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_capset, head.as_ptr(), data.as_ptr()) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Number of user and group of an account.
pub(super) fn account(name: &CStr) -> io::Result<Option<(u32, u32)>> {
    let mut buffer = vec![0u8; 16 << 10];
    // SAFETY: all zeros is a value of this plain struct.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = ptr::null_mut();
    // SAFETY: every pointer is to something that outlives the call; the buffer's length is its own.
    let result = unsafe {
        libc::getpwnam_r(
            name.as_ptr(),
            &raw mut entry,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            &raw mut found,
        )
    };
    match result {
        0 if found.is_null() => Ok(None),
        0 => Ok(Some((entry.pw_uid, entry.pw_gid))),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// Number of the group of the user with that number, where there is an account.
pub(super) fn group_of(user: u32) -> io::Result<Option<u32>> {
    let mut buffer = vec![0u8; 16 << 10];
    // SAFETY: all zeros is a value of this plain struct.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = ptr::null_mut();
    // SAFETY: every pointer is to something that outlives the call; the buffer's length is its own.
    let result = unsafe {
        libc::getpwuid_r(
            user,
            &raw mut entry,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            &raw mut found,
        )
    };
    match result {
        0 if found.is_null() => Ok(None),
        0 => Ok(Some(entry.pw_gid)),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}
