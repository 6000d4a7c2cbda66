//! Gives up what a process may do, once the rings are open.
//!
//! What is left can read packets that the rings bring, and write to folders of its user. A hole in a decoder then gives
//! nobody a machine. Spec: capabilities(7), prctl(2), `setresuid`(2).
use std::ffi::CString;
use std::fs;

use super::{Error, sys};

const CAP_SETPCAP: u64 = 8;
const CAP_NET_RAW: u64 = 13;
/// Numbers of capabilities end before this.
const MOST_CAPABILITIES: u64 = 64;

/// Whom to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum User {
    /// Name of an account of the machine.
    Name(String),
    /// User by number; its group is that of its account, or else has the same number.
    Number(u32),
}

impl User {
    /// A number or a name.
    pub fn parse(text: &str) -> User {
        text.parse()
            .map_or_else(|_| User::Name(text.to_owned()), User::Number)
    }

    /// Numbers of the user and of its group, as the machine's accounts have them.
    ///
    /// # Errors
    /// There is no account of that name, the accounts cannot be read, or it is root.
    pub fn resolve(&self) -> Result<(u32, u32), Error> {
        resolve(self)
    }
}

/// What the process is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Number of the user.
    pub user: u32,
    /// Number of the group.
    pub group: u32,
    /// CAP_NET_RAW is left, so that an interface that went away can be opened anew.
    pub keeps_net_raw: bool,
}

/// Becomes that user, with no capability but CAP_NET_RAW (and that one only with `keep_net_raw`, and if it was there),
/// and never again more: not by a set-user-id program either.
///
/// A process that is not root stays the user that it is, and gives up its other capabilities. To be called after
/// [`super::open`] and before the first thread begins: capabilities belong to threads. That no thread has more is checked,
/// and an error otherwise.
///
/// # Errors
/// [`Error::Privilege`] with the step that failed. What was given up before it stays given up, and the process should
/// end.
pub fn drop_privileges(user: &User, keep_net_raw: bool) -> Result<Dropped, Error> {
    let fail = |step: &str, source| Error::Privilege {
        step: step.to_owned(),
        remedy: "check what the service allows (CAP_SETUID, CAP_SETGID, CAP_SETPCAP)",
        source: Some(source),
    };
    let status = status("/proc/thread-self/status")?;
    let has = |capability: u64| status.effective & 1 << capability != 0;
    let keeps_net_raw = keep_net_raw && status.permitted & 1 << CAP_NET_RAW != 0;
    let wanted = if keeps_net_raw { 1 << CAP_NET_RAW } else { 0 };

    // The bounding set limits what any program started later could get; it takes a capability to lower it.
    if has(CAP_SETPCAP) {
        for capability in 0..MOST_CAPABILITIES {
            // The kernel refuses numbers that it does not know.
            let _ = sys::prctl(libc::PR_CAPBSET_DROP, capability as _, 0);
        }
    }
    if sys::effective_user() == 0 {
        let (uid, gid) = resolve(user)?;
        if keeps_net_raw {
            // Otherwise the change of user takes all.
            sys::prctl(libc::PR_SET_KEEPCAPS, 1, 0).map_err(|e| fail("keep capabilities", e))?;
        }
        sys::become_user(uid, gid).map_err(|(call, e)| fail(call, e))?;
    }
    let clear = libc::PR_CAP_AMBIENT_CLEAR_ALL as _;
    sys::prctl(libc::PR_CAP_AMBIENT, clear, 0).map_err(|e| fail("clear capabilities", e))?;
    sys::set_capabilities(wanted).map_err(|e| fail("set capabilities", e))?;
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).map_err(|e| fail("refuse new privileges", e))?;
    check(wanted)
}

/// Reads back what every thread of this process is and may.
fn check(wanted: u64) -> Result<Dropped, Error> {
    let own = status("/proc/thread-self/status")?;
    let more = |step: String| Error::Privilege {
        step,
        remedy: "start as the user that Seawall shall run as, or as root; give up privileges before threads begin",
        source: None,
    };
    let tasks = fs::read_dir("/proc/self/task").map_err(unreadable)?;
    for task in tasks {
        let task = task.map_err(unreadable)?.path().join("status");
        let Ok(text) = fs::read_to_string(&task) else {
            // A thread that ended.
            continue;
        };
        let task =
            Status::read(&text).ok_or_else(|| more("a thread's status is not told".to_owned()))?;
        if task.users.contains(&0) || task.users != own.users || task.groups != own.groups {
            return Err(more(format!("a thread is of the users {:?}", task.users)));
        }
        let all = task.permitted | task.effective | task.inheritable | task.ambient;
        if all & !wanted != 0 {
            return Err(more(format!("a thread has the capabilities {all:#x}")));
        }
        if !task.no_new_privileges {
            return Err(more("a thread could gain new privileges".to_owned()));
        }
    }
    let ([user, ..], [group, ..]) = (own.users, own.groups);
    Ok(Dropped {
        user,
        group,
        keeps_net_raw: wanted != 0,
    })
}

fn unreadable(source: std::io::Error) -> Error {
    Error::Privilege {
        step: "what the process may do cannot be read".to_owned(),
        remedy: "mount /proc for the service (`ProtectProc=invisible` is fine)",
        source: Some(source),
    }
}

fn resolve(user: &User) -> Result<(u32, u32), Error> {
    let wrong = |step: String, source| Error::Privilege {
        step,
        remedy: "make an account for it (`useradd --system --shell /usr/sbin/nologin seawall`), or name another",
        source,
    };
    let found = match user {
        User::Number(uid) => {
            let group = sys::group_of(*uid)
                .map_err(|e| wrong(format!("user {uid} cannot be looked up"), Some(e)))?;
            Some((*uid, group.unwrap_or(*uid)))
        }
        User::Name(name) => CString::new(name.as_str())
            .ok()
            .map(|name| sys::account(&name))
            .transpose()
            .map_err(|e| wrong(format!("user {name} cannot be looked up"), Some(e)))?
            .flatten(),
    };
    match found {
        None => Err(wrong(
            match user {
                User::Name(name) => format!("there is no user {name}"),
                User::Number(uid) => format!("there is no user {uid}"),
            },
            None,
        )),
        Some((0, _)) => Err(wrong("root is what is to be given up".to_owned(), None)),
        Some(found) => Ok(found),
    }
}

fn status(path: &str) -> Result<Status, Error> {
    let text = fs::read_to_string(path).map_err(unreadable)?;
    Status::read(&text).ok_or_else(|| unreadable(std::io::ErrorKind::InvalidData.into()))
}

/// What the kernel says of a thread in its `status` (proc(5)).
struct Status {
    /// Real, effective, saved, file system.
    users: [u32; 4],
    groups: [u32; 4],
    inheritable: u64,
    permitted: u64,
    effective: u64,
    ambient: u64,
    no_new_privileges: bool,
}

impl Status {
    fn read(text: &str) -> Option<Status> {
        let value = |name: &str| {
            text.lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.trim())
        };
        let four = |name| -> Option<[u32; 4]> {
            let numbers = value(name)?.split_whitespace().map(|n| n.parse().ok());
            numbers.collect::<Option<Vec<u32>>>()?.try_into().ok()
        };
        let mask = |name| u64::from_str_radix(value(name)?, 16).ok();
        Some(Status {
            users: four("Uid")?,
            groups: four("Gid")?,
            inheritable: mask("CapInh")?,
            permitted: mask("CapPrm")?,
            effective: mask("CapEff")?,
            ambient: mask("CapAmb")?,
            no_new_privileges: value("NoNewPrivs")? == "1",
        })
    }
}
