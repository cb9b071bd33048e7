//! Notifies the service manager of our state: ready, reloading, stopping, alive.
//!
//! One datagram per message to the socket that systemd names in the environment; sd_notify(3)
//! allows to write it without its library.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::time::{ClockId, clock_gettime};

/// Sends messages to the service manager; without a socket it does nothing.
#[derive(Debug)]
pub struct Notifier {
    to: Option<(UnixDatagram, SocketAddr)>,
}

impl Notifier {
    /// A notifier that sends to `socket`: the value of `NOTIFY_SOCKET`, a path or an abstract name
    /// that begins with `@`; `None` or an empty value when no manager asked.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when the name is neither or too long (the manager's fault);
    /// others when no socket can be made.
    pub fn new(socket: Option<&OsStr>) -> io::Result<Self> {
        let Some(name) = socket.filter(|name| !name.is_empty()) else {
            return Ok(Self { to: None });
        };
        let address = match name.as_bytes() {
            [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
            [b'/', ..] => SocketAddr::from_pathname(name)?,
            _ => {
                let problem = "the notify socket must be an absolute path or begin with '@'";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
            }
        };
        let sender = UnixDatagram::unbound()?;
        // A manager that does not read must not block us.
        sender.set_nonblocking(true)?;
        Ok(Self { to: Some((sender, address)) })
    }

    /// Start-up or a reload is done.
    pub fn ready(&self) {
        self.send("READY=1\n");
    }

    /// A reload has begun; [`ready`](Self::ready) ends it.
    pub fn reloading(&self) {
        if self.to.is_some() {
            self.send(&format!("RELOADING=1\nMONOTONIC_USEC={}\n", monotonic_micros()));
        }
    }

    /// Shutdown has begun.
    pub fn stopping(&self) {
        self.send("STOPPING=1\n");
    }

    /// The process is alive; due at least twice per watchdog interval.
    pub fn watchdog(&self) {
        self.send("WATCHDOG=1\n");
    }

    /// One line for `systemctl status`; anything after a line end is left out.
    pub fn status(&self, line: &str) {
        self.send(&format!("STATUS={}\n", line.lines().next().unwrap_or_default()));
    }

    fn send(&self, message: &str) {
        let Some((sender, address)) = &self.to else { return };
        if let Err(error) = sender.send_to_addr(message.as_bytes(), address) {
            tracing::warn!(%error, "the service manager could not be notified");
        }
    }
}

/// `CLOCK_MONOTONIC`, by which systemd knows whether `RELOADING=1` answers its request. Unit:
/// microseconds.
fn monotonic_micros() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let rest = u64::try_from(now.tv_nsec).unwrap_or_default() / 1_000;
    seconds.saturating_mul(1_000_000).saturating_add(rest)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read(socket: &UnixDatagram) -> String {
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    fn tell_all(notifier: &Notifier, socket: &UnixDatagram) {
        notifier.ready();
        assert_eq!(read(socket), "READY=1\n");
        notifier.watchdog();
        assert_eq!(read(socket), "WATCHDOG=1\n");
        notifier.status("serving\nREADY=0");
        assert_eq!(read(socket), "STATUS=serving\n");
        notifier.stopping();
        assert_eq!(read(socket), "STOPPING=1\n");
        let before = monotonic_micros();
        notifier.reloading();
        let message = read(socket);
        let micros = message.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().trim_end();
        let sent_at: u64 = micros.parse().unwrap();
        assert!((before..=monotonic_micros()).contains(&sent_at) && before > 0, "{message}");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the manager's socket is a file")]
    fn a_path_socket_is_told_everything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        tell_all(&Notifier::new(Some(path.as_os_str())).unwrap(), &socket);
    }

    #[test]
    fn an_abstract_socket_is_told_everything() {
        let name = format!("repod-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        let at = format!("@{name}");
        tell_all(&Notifier::new(Some(OsStr::new(&at))).unwrap(), &socket);
    }

    #[test]
    fn without_a_manager_nothing_happens_and_a_wrong_name_is_said() {
        for name in [None, Some(OsStr::new(""))] {
            let notifier = Notifier::new(name).unwrap();
            assert!(notifier.to.is_none());
            notifier.ready();
            notifier.reloading();
        }
        let wrong = Notifier::new(Some(OsStr::new("vsock:2:1")));
        assert_eq!(wrong.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        let gone = Notifier::new(Some(OsStr::new("/nowhere/at/all"))).unwrap();
        gone.ready();
    }
}
