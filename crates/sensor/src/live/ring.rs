//! An interface, captured: one packet ring per worker, shared with the kernel, each packet read where it lies.
//!
//! Spec: packet(7); TPACKET_V3 as in Documentation/networking/packet_mmap.rst of the kernel. Linux 4.12 or later, which
//! numbers groups of rings itself.
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::block::{TAG, number};
use super::sys::{self, Ring, Socket, Woken};
use super::{Error, Packet, block, steer};

/// A block holds the largest frame that receive offload makes of many (64 KiB, 512 KiB where raised) and then some.
const BLOCK: u32 = 1 << 20;
/// After this long the kernel hands over a block that is not full yet.
const BLOCK_MS: u32 = 64;
const FEWEST_BLOCKS: u32 = 2;
const MOST_BLOCKS: u32 = 1 << 10;
/// Rings of one interface.
const MOST_WORKERS: usize = 64;

/// Interfaces that a message names: a machine with containers has hundreds.
const MOST_NAMED: usize = 16;

/// ARPHRD_ of linux/if_arp.h.
const ETHERNET: u16 = 1;
const LOOPBACK: u16 = 772;

/// What to capture, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the interface, as `ip link` shows it.
    pub interface: String,
    /// Taps, each for a thread of its own. All packets between two hosts come to one of them.
    pub workers: usize,
    /// Memory of each tap's ring, in whole MiB, from 2 to 1024.
    pub ring_bytes: usize,
    /// Also what is not addressed to this machine: always, on a mirror port.
    pub promiscuous: bool,
    /// Also what this machine sends: where it is itself part of the traffic. Not on loopback, where everything sent is
    /// received.
    pub outgoing: bool,
    /// Take the network card's time stamps: it is set to stamp every frame, if nobody has done so. Its clock must be kept
    /// at UTC (`ptp4l`, `phc2sys`): the kernel does not compare them. Where the card cannot, [`Tap::remark`] says so, and
    /// the stamps are the kernel's.
    pub hardware_time: bool,
    /// An interface that is not there is waited for, as is one that goes away later.
    pub patient: bool,
}

impl Options {
    /// As it should be on a mirror port: one worker, 64 MiB, everything that comes in.
    pub fn new(interface: impl Into<String>) -> Options {
        Options {
            interface: interface.into(),
            workers: 1,
            ring_bytes: 64 << 20,
            promiscuous: true,
            outgoing: false,
            hardware_time: false,
            patient: false,
        }
    }
}

/// How the interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Switched on, with a link.
    Up,
    /// Switched on, but nothing at the other end of the cable.
    NoCarrier,
    /// Switched off.
    Down,
    /// There is no interface of that name any more; it is looked for until there is.
    Gone,
}

/// What a tap has seen since it was opened, and how full its ring is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets that were handed over.
    pub received: u64,
    /// Packets that the kernel dropped for want of room in the ring, or that lay in a ring whose interface went away.
    pub dropped: u64,
    /// Packets that lie in the ring and were not handed over yet: whoever closes the tap loses them.
    pub left: u64,
    /// How often the ring was full, so that the kernel stopped.
    pub freezes: u64,
    /// Packets with a time stamp of the network card.
    pub hardware_stamped: u64,
    /// Packets that were longer than a block, and cut.
    pub cut: u64,
    /// How often the interface had to be opened anew.
    pub reopened: u64,
    /// Blocks of the ring that wait to be read, of `blocks`.
    pub waiting: u32,
    /// Blocks of the ring; 0 until they were first counted.
    pub blocks: u32,
}

/// The group of taps in which the kernel chooses one for each packet.
type Group = Arc<Mutex<Option<Joined>>>;

/// The kernel numbers taps in the order in which they join, and goes by that number: only where they join in their own
/// order, whenever that is, all that two hosts say comes to the same worker from every interface.
#[derive(Clone, Copy, Debug)]
struct Joined {
    /// Of the interface.
    index: i32,
    id: u16,
    taps: usize,
}

/// One worker's share of an interface.
#[derive(Debug)]
pub struct Tap {
    options: Options,
    /// Its place among the taps of the interface.
    number: usize,
    group: Group,
    /// Absent while the interface is gone.
    socket: Option<Open>,
    state: State,
    /// Why the interface cannot be opened anew.
    problem: Option<String>,
    /// What was asked for and cannot be had.
    remark: Option<String>,
    counts: Counts,
    /// Packets that the kernel put into the ring.
    entered: u64,
}

#[derive(Debug)]
struct Open {
    // Before the socket, so that it is unmapped first.
    ring: Ring,
    socket: Socket,
    index: i32,
    /// Type of its link layer.
    kind: u16,
    /// Block to be read next.
    next: usize,
    /// Whether packets come in: a tap of several has to be in its group first.
    taking: bool,
}

/// Opens an interface: as many taps as workers were asked for.
///
/// That the interface is down is no error; what it is stands in [`Tap::state`]. Needs the capability CAP_NET_RAW.
///
/// # Errors
/// The interface is not there (unless [`Options::patient`]), is neither Ethernet nor loopback, capturing is not
/// allowed, or the kernel refuses a step of setting up its ring. No tap is left open then.
pub fn open(options: &Options) -> Result<Vec<Tap>, Error> {
    let group = Group::default();
    let mut taps = Vec::new();
    for number in 0..options.workers.clamp(1, MOST_WORKERS) {
        let mut tap = Tap {
            options: options.clone(),
            number,
            group: Arc::clone(&group),
            socket: None,
            state: State::Down,
            problem: None,
            remark: None,
            counts: Counts::default(),
            entered: 0,
        };
        match tap.set_up() {
            Ok(open) => tap.socket = Some(open),
            Err(error @ Error::NoInterface { .. }) if options.patient => {
                tap.state = State::Gone;
                tap.problem = Some(error.to_string());
            }
            Err(error) => return Err(error),
        }
        taps.push(tap);
    }
    // All are in the group before the first takes anything in: no packet goes to a worker that a later one takes over.
    for tap in &mut taps {
        tap.look()?;
    }
    Ok(taps)
}

/// Waits up to `at_most` until packets can be had from one of the taps. Interfaces that are gone are not waited for; if
/// all are, this is a pause.
///
/// # Errors
/// What the kernel says where it cannot wait; no packet is lost by it.
pub fn wait<'a>(taps: impl Iterator<Item = &'a Tap>, at_most: Duration) -> io::Result<()> {
    let sockets = taps.filter_map(|tap| tap.socket.as_ref());
    sys::wait_for_any(sockets.map(|open| &open.socket), at_most)
}

impl Tap {
    /// Waits up to `wait` for packets, hands over one block of them, then gives the block back to the kernel. Returns how
    /// many there were.
    ///
    /// While the interface is down or gone, there are none. One that went away and came back is opened anew, for which
    /// the process needs CAP_NET_RAW; [`Tap::state`] and [`Tap::problem`] tell. After an error it may be called again.
    ///
    /// # Errors
    /// Waiting failed, or the tap cannot join the others of an interface that came up.
    pub fn packets(
        &mut self,
        wait: Duration,
        each: &mut dyn FnMut(Packet<'_>),
    ) -> Result<usize, Error> {
        let Some(open) = &self.socket else {
            self.reopen(wait);
            return Ok(0);
        };
        if !open.ring.is_ready(open.next) {
            let woken = open
                .socket
                .wait(wait)
                .map_err(|source| self.failed("wait for packets", "try again", source))?;
            if woken == Woken::Fault {
                // Reading the error clears it; what it means is looked up.
                let _: Result<[u8; 4], _> = open.socket.get(libc::SOL_SOCKET, libc::SO_ERROR);
            }
            if woken != Woken::Ready {
                self.look()?;
                return Ok(0);
            }
        }
        let count = self.block(each);
        if self.state != State::Up {
            self.look()?;
        }
        Ok(count)
    }

    /// Hands over the packets of the next block, if there is one.
    fn block(&mut self, each: &mut dyn FnMut(Packet<'_>)) -> usize {
        let Some(open) = &mut self.socket else {
            return 0;
        };
        let Some(block) = open.ring.block(open.next) else {
            return 0;
        };
        let counts = &mut self.counts;
        let count = block::packets(block, |packet, is_stamped_by_card| {
            if is_stamped_by_card {
                counts.hardware_stamped += 1;
            }
            if packet.data.len() < packet.wire_len as usize {
                counts.cut += 1;
            }
            each(packet);
        });
        open.ring.give_back(open.next);
        open.next = (open.next + 1) % open.ring.blocks().max(1);
        counts.received += count as u64;
        count
    }

    /// How full the ring is with packets that wait to be read, 0 to 1: by their bytes, as a block that was handed over with
    /// little in it is little work.
    pub fn load(&mut self) -> f64 {
        let Some(open) = &mut self.socket else {
            return 0.0;
        };
        let blocks = open.ring.blocks();
        let mut bytes = 0usize;
        for nth in 0..blocks {
            let at = (open.next + nth) % blocks.max(1);
            let Some(block) = open.ring.block(at) else {
                break;
            };
            bytes = bytes.saturating_add(number(block, 20));
        }
        bytes as f64 / (blocks.max(1) * BLOCK as usize) as f64
    }

    /// How the interface was when it was looked at last, which is whenever no packets come.
    pub fn state(&self) -> State {
        self.state
    }

    /// Why packets do not come in though the interface is there, or why it cannot be opened anew.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// What was asked for and cannot be had on this interface, in a sentence.
    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// Whether there is something to take packets from; if not, each call of [`Tap::packets`] tries to open it anew.
    pub fn is_open(&self) -> bool {
        self.socket.is_some()
    }

    /// Name of the interface that was asked for.
    pub fn interface(&self) -> &str {
        &self.options.interface
    }

    /// What was received and dropped so far, and how full the ring is.
    ///
    /// # Errors
    /// The kernel does not tell its counters; those kept so far stay as they were.
    pub fn counts(&mut self) -> Result<Counts, Error> {
        let Some(open) = &self.socket else {
            self.counts.waiting = 0;
            return Ok(self.counts);
        };
        // Reading resets them: packets, with those dropped; dropped; freezes.
        let read: [u8; 12] = open
            .socket
            .get(libc::SOL_PACKET, libc::PACKET_STATISTICS)
            .map_err(|source| self.failed("read its counters", "try again", source))?;
        let (waiting, blocks) = (
            (0..open.ring.blocks())
                .filter(|block| open.ring.is_ready(*block))
                .count(),
            open.ring.blocks(),
        );
        let [all, dropped, freezes] = [0, 4, 8].map(|at| number(&read, at) as u64);
        let counts = &mut self.counts;
        self.entered += all.saturating_sub(dropped);
        counts.left = self.entered.saturating_sub(counts.received);
        counts.dropped += dropped;
        counts.freezes += freezes;
        counts.waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        counts.blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
        Ok(self.counts)
    }

    fn failed(&self, step: &'static str, remedy: &'static str, source: io::Error) -> Error {
        Error::Interface {
            name: self.options.interface.clone(),
            step,
            remedy,
            source,
        }
    }

    /// A socket with its ring, bound to the interface. Of several, it takes nothing in before it joined its group.
    fn set_up(&mut self) -> Result<Open, Error> {
        let (open, remark) = self.make()?;
        self.remark = remark;
        Ok(open)
    }

    fn make(&self) -> Result<(Open, Option<String>), Error> {
        let name = &self.options.interface;
        let socket = Socket::new().map_err(|source| match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Error::Denied { name: name.clone() },
            Some(libc::EAFNOSUPPORT) => self.failed(
                "open a packet socket",
                "the kernel, or `RestrictAddressFamilies` of the service, does not allow AF_PACKET: allow it",
                source,
            ),
            _ => self.failed("open a packet socket", "check the limits of the service", source),
        })?;
        let index = socket.index_of(name).map_err(|_| Error::NoInterface {
            name: name.clone(),
            there: interfaces(),
        })?;
        let kind = socket
            .link_type(name)
            .map_err(|e| self.failed("ask for its link layer", "check that it is there", e))?;
        if !matches!(kind, ETHERNET | LOOPBACK) {
            return Err(Error::NotEthernet {
                name: name.clone(),
                kind,
            });
        }
        let packet = libc::SOL_PACKET;
        let old = "Linux 4.12 or later is needed";
        let version = libc::tpacket_versions::TPACKET_V3 as libc::c_int;
        socket
            .set(packet, libc::PACKET_VERSION, &version)
            .map_err(|e| self.failed("use TPACKET_V3", old, e))?;
        let reserve = libc::c_uint::try_from(TAG).unwrap_or(0);
        socket
            .set(packet, libc::PACKET_RESERVE, &reserve)
            .map_err(|e| self.failed("reserve room for a VLAN tag", old, e))?;
        let mut remark = None;
        if self.options.hardware_time
            && let Err(why) = stamp_every_frame(&socket, name)
        {
            remark = Some(format!(
                "interface {name}: hardware time stamps were asked for, and {why}: packets bear the kernel's time stamps"
            ));
        }
        // Only if every frame is stamped: a mix of two clocks would put packets in a wrong order.
        if self.options.hardware_time && remark.is_none() {
            let raw = libc::SOF_TIMESTAMPING_RAW_HARDWARE;
            socket
                .set(packet, libc::PACKET_TIMESTAMP, &raw)
                .map_err(|e| self.failed("take the card's time stamps", old, e))?;
        }
        let blocks = u32::try_from(self.options.ring_bytes / BLOCK as usize)
            .unwrap_or(u32::MAX)
            .clamp(FEWEST_BLOCKS, MOST_BLOCKS);
        let ring = socket
            .ring(BLOCK, blocks, BLOCK_MS)
            .map_err(|e| self.failed("make a packet ring", "take a smaller ring", e))?;
        let taking = !self.shares();
        self.filter(&socket, kind, taking)?;
        socket
            .bind(index)
            .map_err(|e| self.failed("bind to it", "check that it is still there", e))?;
        if self.options.promiscuous {
            let membership = libc::packet_mreq {
                mr_ifindex: index,
                mr_type: u16::try_from(libc::PACKET_MR_PROMISC).unwrap_or(0),
                mr_alen: 0,
                mr_address: [0; 8],
            };
            socket
                .set(packet, libc::PACKET_ADD_MEMBERSHIP, &membership)
                .map_err(|e| {
                    self.failed("make it promiscuous", "check the driver of the card", e)
                })?;
        }
        let open = Open {
            ring,
            socket,
            index,
            kind,
            next: 0,
            taking,
        };
        Ok((open, remark))
    }

    fn shares(&self) -> bool {
        self.options.workers > 1
    }

    /// Sets what the kernel lets into the ring. By a filter, as options that leave out what is sent are younger than the
    /// kernels of many distributions, for a group of rings above all, and older ones pass over them without a word.
    fn filter(&self, socket: &Socket, kind: u16, taking: bool) -> Result<(), Error> {
        // On loopback, whatever is sent comes in as well.
        let everything = self.options.outgoing && kind != LOOPBACK;
        let program = match (taking, everything) {
            (false, _) => steer::nothing(),
            (true, false) => steer::incoming(),
            (true, true) => steer::everything(),
        };
        socket
            .set_program(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
            .map_err(|e| self.failed("set its filter", "check the limits of the service", e))
    }

    /// Looks how the interface is, and does what there is to do about it.
    fn look(&mut self) -> Result<(), Error> {
        let Some(open) = &self.socket else {
            return Ok(());
        };
        let there = open.socket.bound().is_ok_and(|index| index == open.index);
        let flags = open.socket.flags(open.index).ok().filter(|_| there);
        let before = self.state;
        self.state = match flags {
            None => State::Gone,
            Some(flags) if flags & libc::IFF_UP == 0 => State::Down,
            Some(flags) if flags & libc::IFF_RUNNING == 0 => State::NoCarrier,
            Some(_) => State::Up,
        };
        match self.state {
            // Not at first sight: the kernel still hands over the last block, after its time.
            State::Gone if before == State::Gone && !open.ring.is_ready(open.next) => {
                let index = open.index;
                // The socket takes its counters along, and what is still in its ring.
                let _ = self.counts();
                let counts = &mut self.counts;
                counts.dropped += std::mem::take(&mut counts.left);
                self.entered = counts.received;
                self.socket = None;
                let mut group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
                group.take_if(|group| group.index == index);
            }
            // Older kernels have no group for an interface that is down.
            State::Up | State::NoCarrier if !open.taking => {
                let joined = self.join(open);
                if let Some(open) = &mut self.socket {
                    open.taking = *joined.as_ref().unwrap_or(&false);
                }
                self.problem = joined.as_ref().err().map(ToString::to_string);
                joined?;
            }
            State::Up if before != State::Up => {
                let name = &self.options.interface;
                let is_renamed = open.socket.index_of(name).ok() != Some(open.index);
                self.problem = is_renamed.then(|| {
                    format!("it is not called {name} any more, and is read on until the next start: put its new name into the site file")
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// Joins the group of the interface's taps, or begins it, and lets packets in; `false` while it is not its turn.
    fn join(&self, open: &Open) -> Result<bool, Error> {
        let fail = |e| {
            self.failed(
                "share it between workers",
                "Linux 4.12 or later is needed; with one worker it is not shared",
                e,
            )
        };
        let mut group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        let known = group.filter(|group| group.index == open.index);
        if known.map_or(0, |group| group.taps) < self.number {
            return Ok(false);
        }
        let how = libc::PACKET_FANOUT_CBPF;
        // A number that no one else on this machine uses is the kernel's to choose.
        let asked = match known {
            Some(group) => u32::from(group.id) | how << 16,
            None => (how | libc::PACKET_FANOUT_FLAG_UNIQUEID) << 16,
        };
        let packet = libc::SOL_PACKET;
        match open.socket.set(packet, libc::PACKET_FANOUT, &asked) {
            // It came this far before, and failed at what follows.
            Err(error) if error.raw_os_error() == Some(libc::EALREADY) => {}
            result => result.map_err(fail)?,
        }
        // Each tells how to share: a group that lost all its taps meanwhile was made anew.
        open.socket
            .set_program(packet, libc::PACKET_FANOUT_DATA, &steer::by_hosts())
            .map_err(fail)?;
        let id = if let Some(known) = known {
            known.id
        } else {
            let given: [u8; 4] = open.socket.get(packet, libc::PACKET_FANOUT).map_err(fail)?;
            u16::try_from(number(&given, 0) & 0xffff).unwrap_or(0)
        };
        *group = Some(Joined {
            index: open.index,
            id,
            taps: self.number + 1,
        });
        self.filter(&open.socket, open.kind, true)?;
        Ok(true)
    }

    /// Tries to open an interface that was gone; waits if it still is.
    fn reopen(&mut self, wait: Duration) {
        // Made in their order too: by that the kernel puts them back when the interface was switched off and on.
        let before = |group: &Joined| group.taps >= self.number;
        let group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        if self.number > 0 && !group.as_ref().is_some_and(before) {
            drop(group);
            std::thread::sleep(wait);
            return;
        }
        drop(group);
        match self.set_up() {
            Ok(open) => {
                self.socket = Some(open);
                self.problem = None;
                self.counts.reopened += 1;
                // What is wrong stands in `problem`, and is tried again.
                let _ = self.look();
            }
            Err(error) => {
                self.problem = Some(error.to_string());
                std::thread::sleep(wait);
            }
        }
    }
}

/// Sees to it that the card stamps every frame that comes in, or says why it does not.
fn stamp_every_frame(socket: &Socket, name: &str) -> Result<(), String> {
    if socket.stamps_every_frame(name).unwrap_or(false) {
        return Ok(());
    }
    match socket.have_every_frame_stamped(name) {
        Ok(true) => Ok(()),
        Ok(false) => Err("the card stamps some frames only".to_owned()),
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => Err(
            "setting the card takes the capability CAP_NET_ADMIN, or `hwstamp_ctl -r 1` beforehand"
                .to_owned(),
        ),
        Err(error) => Err(format!("the card has none to give ({error})")),
    }
}

/// The interfaces that this process sees, for a message.
fn interfaces() -> String {
    let mut names: Vec<String> = std::fs::read_to_string("/proc/thread-self/net/dev")
        .unwrap_or_default()
        .lines()
        .skip(2)
        .filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned()))
        .collect();
    let more = names.len().saturating_sub(MOST_NAMED);
    names.truncate(MOST_NAMED);
    match (names.as_slice(), more) {
        ([], _) => "none".to_owned(),
        (names, 0) => names.join(", "),
        (names, more) => format!("{} and {more} more", names.join(", ")),
    }
}
