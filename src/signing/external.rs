//! An external signer: a command that signs with a key which this server never holds, such as gpg
//! with its agent, or a program in front of a token. Its output is used only after it was verified.

use std::io::{Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use pgp::composed::{CleartextSignedMessage, Deserializable as _, DetachedSignature};
use pgp::packet::Signature;

use super::SigningError;

/// The longest output that is read from a command: a signature is a few hundred bytes, an InRelease
/// file at most 10 MB. Unit: bytes.
const ANSWER_BYTES: u64 = 12 << 20;
/// How much of its standard error is reported. Unit: characters.
const COMPLAINT_CHARS: usize = 300;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Which form of signature is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// For `InRelease`.
    Clear,
    /// For `Release.gpg`.
    Detached,
}

impl Form {
    /// The word in place of `{mode}`, as gpg calls it.
    fn word(self) -> &'static str {
        match self {
            Self::Clear => "clear-sign",
            Self::Detached => "detach-sign",
        }
    }
}

/// A command that signs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExternalSigner {
    /// The program by its absolute path, then its arguments. `{key}` stands for the fingerprint,
    /// which is otherwise the last argument; `{mode}` for `clear-sign` or `detach-sign`.
    pub command: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
}

impl ExternalSigner {
    /// Has a text signed. The command reads the text and writes the signature, armored or not, or
    /// the text signed in clear.
    pub(super) fn sign(
        &self,
        key: &str,
        form: Form,
        text: &str,
    ) -> Result<Signature, SigningError> {
        let failed = |reason: String| SigningError::Command {
            command: self.command.first().cloned().unwrap_or_default(),
            key: key.to_owned(),
            reason,
        };
        let answer = self.run(key, form, text).map_err(failed)?;
        parse(&answer).map_err(failed)
    }

    fn arguments(&self, key: &str, form: Form) -> Vec<String> {
        let rest = self.command.iter().skip(1);
        let mut arguments: Vec<String> =
            rest.map(|one| one.replace("{key}", key).replace("{mode}", form.word())).collect();
        if !self.command.iter().any(|one| one.contains("{key}")) {
            arguments.push(key.to_owned());
        }
        arguments
    }

    fn run(&self, key: &str, form: Form, text: &str) -> Result<Vec<u8>, String> {
        let program = self.command.first().ok_or("signing.command is empty")?;
        let mut child = Command::new(program)
            .args(self.arguments(key, form))
            .env("REPOD_SIGN", form.word())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot be started: {error}"))?;
        let answer = child.stdout.take().map(read_aside);
        let complaint = child.stderr.take().map(read_aside);
        if let Some(mut stdin) = child.stdin.take() {
            let text = text.to_owned();
            // A command that does not read to the end reports that by its exit code.
            std::thread::spawn(move || stdin.write_all(text.as_bytes()).is_ok());
        }
        let until = Instant::now() + self.timeout;
        let ended = wait(&mut child, until);
        let left = || until.saturating_duration_since(Instant::now()).max(LOOK_AGAIN);
        let read = |from: Option<Receiver<Vec<u8>>>| from?.recv_timeout(left()).ok();
        let complaint = read(complaint).unwrap_or_default();
        let complaint: String = String::from_utf8_lossy(&complaint)
            .trim()
            .chars()
            .take(COMPLAINT_CHARS)
            .collect::<String>();
        match ended? {
            None => Err(format!(
                "gave no answer in {} s and was ended (signing.timeout_seconds); is a passphrase or a \
                 token waited for? {complaint}",
                self.timeout.as_secs()
            )),
            Some(0) => read(answer).ok_or_else(|| "keeps its output open".to_owned()),
            Some(code) => Err(format!("ended with {code}: {complaint}")),
        }
    }
}

/// Waits until a command ends, and kills it when its time is over; `None` then.
fn wait(child: &mut Child, until: Instant) -> Result<Option<i32>, String> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(Some(status.code().unwrap_or(-1))),
            Ok(None) if Instant::now() < until => std::thread::sleep(LOOK_AGAIN),
            Ok(None) => {
                let _ended_meanwhile = child.kill();
                let _reaped = child.wait();
                return Ok(None);
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Reads the output on a thread of its own: a command that writes much must not wait for us.
fn read_aside(from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if from.take(ANSWER_BYTES).read_to_end(&mut bytes).is_ok() {
            let _nobody_waits_any_more = send.send(bytes);
        }
    });
    receive
}

/// The one signature in what a command wrote.
fn parse(answer: &[u8]) -> Result<Signature, String> {
    let unusable = |error: &dyn std::fmt::Display| format!("wrote no signature: {error}");
    let text = std::str::from_utf8(answer).unwrap_or_default();
    if text.starts_with("-----BEGIN PGP SIGNED MESSAGE-----") {
        let (message, _) = CleartextSignedMessage::from_string(text).map_err(|e| unusable(&e))?;
        return match message.signatures() {
            [one] => Ok(one.clone()),
            several => Err(format!("wrote {} signatures; one is expected", several.len())),
        };
    }
    if text.starts_with("-----BEGIN PGP SIGNATURE-----") {
        let (detached, _) = DetachedSignature::from_string(text).map_err(|e| unusable(&e))?;
        return Ok(detached.signature);
    }
    DetachedSignature::from_bytes(answer)
        .map(|detached| detached.signature)
        .map_err(|error| unusable(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(script: &str, seconds: u64) -> ExternalSigner {
        let command = ["/bin/sh", "-c", script, "sign"].map(str::to_owned).to_vec();
        ExternalSigner { command, timeout: Duration::from_secs(seconds) }
    }

    #[test]
    fn the_key_comes_last_or_where_it_is_named() {
        let last = signer("true", 1).arguments("ABC", Form::Clear);
        assert_eq!(last, ["-c", "true", "sign", "ABC"]);
        let command = ["gpg", "-u", "{key}!", "--{mode}"].map(str::to_owned).to_vec();
        let named = ExternalSigner { command, timeout: Duration::from_secs(1) };
        assert_eq!(named.arguments("ABC", Form::Detached), ["-u", "ABC!", "--detach-sign"]);
    }

    #[test]
    fn a_command_that_fails_hangs_or_babbles_is_told() {
        for (script, seconds, reason) in [
            ("echo no token >&2; exit 3", 20, "ended with 3: no token"),
            ("exec sleep 60", 1, "gave no answer in 1 s"),
            ("cat >/dev/null; echo hello", 20, "wrote no signature"),
            ("cat >/dev/null", 20, "wrote no signature"),
            ("yes | head -c 20000000", 20, "ended with"),
        ] {
            let refused = signer(script, seconds).sign("ABC", Form::Clear, "text\n").unwrap_err();
            assert!(refused.to_string().contains(reason), "{script}: {refused}");
        }
        let missing = ExternalSigner {
            command: vec!["/nonexistent/signer".into()],
            timeout: Duration::from_secs(1),
        };
        let refused = missing.sign("ABC", Form::Clear, "text\n").unwrap_err().to_string();
        assert!(refused.contains("cannot be started") && refused.contains("/nonexistent/signer"));
    }
}
