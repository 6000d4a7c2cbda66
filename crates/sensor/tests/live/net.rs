//! Links to capture on, and frames to send over them.
#![allow(unsafe_code)] // Entering a namespace and sending raw frames have no safe door in the standard library.

use std::ffi::{CString, c_int, c_void};
use std::fs::File;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{self, Command};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs a command, which must succeed; gives what it printed.
pub fn run(line: &str) -> String {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next().unwrap())
        .args(words)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Two namespaces with a cable between them: `out0` here, `tap0` there, both silent. They are gone when this is dropped.
pub struct Link {
    pub sender: String,
    pub sensor: String,
}

impl Link {
    /// `None` where none can be made, which is then said.
    pub fn new() -> Option<Link> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = |end: &str| format!("seawall-{}-{number}-{end}", process::id());
        let link = Link {
            sender: name("a"),
            sensor: name("b"),
        };
        let made = [&link.sender, &link.sensor].into_iter().all(|namespace| {
            let add = Command::new("ip")
                .args(["netns", "add", namespace])
                .output();
            add.is_ok_and(|output| output.status.success())
        });
        if !made {
            println!("skipped: no network namespace can be made (needs root and iproute2)");
            return None;
        }
        link.plug();
        Some(link)
    }

    /// Makes the cable.
    pub fn plug(&self) {
        let Link { sender, sensor } = self;
        run(&format!(
            "ip -n {sender} link add out0 mtu 9000 type veth peer name tap0 mtu 9000 netns {sensor}"
        ));
        for (namespace, end) in [(sender, "out0"), (sensor, "tap0")] {
            // As the module's documentation tells who sets up a sensor.
            run(&format!(
                "ip -n {namespace} link set dev {end} arp off addrgenmode none"
            ));
            run(&format!("ip -n {namespace} link set dev {end} up"));
        }
    }

    pub fn unplug(&self) {
        run(&format!("ip -n {} link del tap0", self.sensor));
    }

    pub fn sender(&self) -> Sender {
        within(&self.sender, || Sender::new("out0"))
    }

    /// Frames that left through the sensor's interface.
    pub fn sent_by_sensor(&self) -> u64 {
        let told = run(&format!("ip -n {} -s -j link show dev tap0", self.sensor));
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        told[0]["stats64"]["tx"]["packets"].as_u64().unwrap()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for namespace in [&self.sender, &self.sensor] {
            let _ = Command::new("ip")
                .args(["netns", "del", namespace])
                .output();
        }
    }
}

/// Does something inside a namespace, on a thread that is then thrown away.
pub fn within<T: Send>(namespace: &str, act: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let entered = scope.spawn(|| {
            let file = File::open(format!("/run/netns/{namespace}")).unwrap();
            // SAFETY: no memory is passed; the descriptor is open.
            let result = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
            assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
            act()
        });
        entered
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Sends frames as they are.
pub struct Sender(OwnedFd);

impl Sender {
    fn new(interface: &str) -> Sender {
        let name = CString::new(interface).unwrap();
        // SAFETY: the name is a string that outlives the call.
        let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
        assert_ne!(index, 0, "{interface} is there");
        // SAFETY: no memory is passed.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        // SAFETY: the kernel has just given this descriptor to us alone.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: all zeros is a value of this plain struct.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = index as c_int;
        // SAFETY: the pointer and the length are those of `address`, which outlives the call.
        let result = unsafe {
            libc::bind(
                socket.as_raw_fd(),
                (&raw const address).cast(),
                size_of::<libc::sockaddr_ll>() as u32,
            )
        };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
        Sender(socket)
    }

    /// From now on frames go past the queue of the interface: what it does not take is lost.
    pub fn hurry(&self) {
        let on: c_int = 1;
        // SAFETY: the pointer and the length are those of `on`, which outlives the call.
        let result = unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_QDISC_BYPASS,
                (&raw const on).cast(),
                size_of::<c_int>() as u32,
            )
        };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    }

    /// Sends many frames with one call; gives how many were taken.
    pub fn send_many(&self, frames: &[Vec<u8>]) -> usize {
        let mut parts: Vec<libc::iovec> = frames
            .iter()
            .map(|frame| libc::iovec {
                iov_base: frame.as_ptr().cast_mut().cast(),
                iov_len: frame.len(),
            })
            .collect();
        let mut messages: Vec<libc::mmsghdr> = parts
            .iter_mut()
            .map(|part| {
                // SAFETY: all zeros is a value of this plain struct.
                let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
                message.msg_hdr.msg_iov = part;
                message.msg_hdr.msg_iovlen = 1;
                message
            })
            .collect();
        // SAFETY: the messages point at frames that outlive the call, which only reads them.
        let sent = unsafe {
            libc::sendmmsg(
                self.0.as_raw_fd(),
                messages.as_mut_ptr(),
                messages.len() as u32,
                0,
            )
        };
        usize::try_from(sent).unwrap_or(0)
    }

    pub fn send(&self, frame: &[u8]) {
        // SAFETY: the pointer and the length are those of `frame`, which outlives the call.
        let sent = unsafe {
            libc::send(
                self.0.as_raw_fd(),
                frame.as_ptr().cast::<c_void>(),
                frame.len(),
                0,
            )
        };
        assert_eq!(
            usize::try_from(sent).ok(),
            Some(frame.len()),
            "{}",
            std::io::Error::last_os_error()
        );
    }
}

/// A frame between two hosts: tags of four bytes each (type and control information), then IP with a payload.
pub fn frame(tags: &[u32], src: IpAddr, dst: IpAddr, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    for tag in tags {
        bytes.extend(tag.to_be_bytes());
    }
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            bytes.extend([0x08, 0x00, 0x45, 0]);
            bytes.extend((20 + payload.len() as u16).to_be_bytes());
            // Identification, no fragment, time to live, UDP, checksum not set.
            bytes.extend([0, 0, 0, 0, 64, 17, 0, 0]);
            bytes.extend(src.octets());
            bytes.extend(dst.octets());
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            bytes.extend((payload.len() as u16).to_be_bytes());
            bytes.extend([17, 64]);
            bytes.extend(src.octets());
            bytes.extend(dst.octets());
        }
        _ => panic!("{src} and {dst} are of different families"),
    }
    bytes.extend(payload);
    bytes
}

/// A UDP datagram.
pub fn udp(from: u16, to: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [from, to, 8 + data.len() as u16, 0] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(data);
    bytes
}
