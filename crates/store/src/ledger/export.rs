//! A copy that can be verified by itself: entries, attached files, signed head, public key. Not the private key.
use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::error::Error;
use super::{FILE, Ledger, files, head};

impl Ledger {
    /// Writes the ledger of a folder to another one, which must not be there yet. Gives back how many entries it has.
    ///
    /// # Errors
    /// There is no ledger, it is broken, `into` is there already or cannot be written. What was written into it by
    /// then stays.
    pub fn export(folder: &Path, into: &Path) -> Result<u64, Error> {
        let mut ledger = Ledger::empty(folder);
        let path = ledger.path();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Error::refused(
                    format!("{} holds no ledger", folder.display()),
                    "name the folder that does, with --ledger",
                );
            }
            Err(error) => return Err(Error::file("read", path)(error)),
        };
        // Nobody writes while it is copied, so head and entries belong together.
        file.lock_shared().map_err(Error::file("lock", &path))?;
        let standing = ledger.standing(&file)?;
        ledger.catch_up(&file, standing.head)?;
        fs::create_dir(into).map_err(Error::file("make", into))?;
        let put = |name: &str, bytes: &[u8]| {
            let path = into.join(name);
            files::replace(&path, bytes, files::ALL_READ).map_err(Error::file("write", path))
        };
        put(FILE, ledger.text())?;
        for (name, path) in [
            ("ledger.head", head::signed_path(folder, &standing.head)?),
            ("ledger.pub", folder.join("ledger.pub")),
        ] {
            if let Some(bytes) = files::read(&path).map_err(Error::file("read", path))? {
                put(name, &bytes)?;
            }
        }
        let attachments = into.join("attachments");
        for entry in ledger.entries() {
            for attached in &entry.attachments {
                fs::create_dir_all(&attachments).map_err(Error::file("make", &attachments))?;
                let to = attachments.join(attached.sha256);
                let from = folder.join("attachments").join(attached.sha256);
                if !to.exists() {
                    fs::copy(&from, &to).map_err(Error::file("copy", from))?;
                }
            }
        }
        Ok(standing.head.seq)
    }
}
