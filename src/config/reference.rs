//! Reference: every key of `repod.toml`, for its manual page.

/// A key of the file.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key by its whole path: `limits.package_bytes`.
    pub path: &'static str,
    /// What it takes: a text, a number, a list of texts.
    pub kind: &'static str,
    /// Its default as the file would have it; empty where there is none.
    pub default: &'static str,
    /// What a number counts; empty where it counts nothing.
    pub unit: &'static str,
    /// Whether a reload is enough for another value to count; else it is a restart.
    pub by_reload: bool,
    /// What it is for.
    pub meaning: &'static str,
}

const TEXT: &str = "text";
const NUMBER: &str = "whole number";
const LIST: &str = "list of texts";

const fn key(
    path: &'static str,
    kind: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key { path, kind, default, unit: "", by_reload: false, meaning }
}

impl Key {
    const fn in_unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    const fn by_reload(self) -> Self {
        Self { by_reload: true, ..self }
    }
}

/// Every key, in the order of the file. A test compares them with what the file may have.
pub const KEYS: [Key; 34] = [
    key(
        "public_url",
        TEXT,
        "",
        "Where hosts find the repository, with the port if it is not 443; repod init sets it.",
    ),
    key("data", TEXT, "\".\"", "The data directory, relative to the file."),
    key(
        "listen.addresses",
        LIST,
        "[\"0.0.0.0:8443\", \"[::]:8443\"]",
        "Addresses with ports for hosts and repoctl.",
    ),
    key(
        "listen.local",
        LIST,
        "[\"127.0.0.1:9180\"]",
        "Addresses of this machine alone for health checks and metrics, in plain HTTP; [] for none.",
    ),
    key(
        "listen.proxy_protocol",
        LIST,
        "[]",
        "Addresses with ports for proxies that pass TCP on and send the PROXY protocol, version 2.",
    ),
    key(
        "listen.proxies",
        LIST,
        "[]",
        "From where proxies connect: addresses, or networks such as 192.0.2.0/24.",
    ),
    key(
        "listen.handover",
        LIST,
        "[]",
        "Names in the certificates of proxies that end TLS and hand over the client's certificate.",
    ),
    key(
        "limits.package_bytes",
        NUMBER,
        "4294967296",
        "The largest package; larger ones are answered with 413.",
    )
    .in_unit("bytes")
    .by_reload(),
    key(
        "limits.reserve_bytes",
        NUMBER,
        "1073741824",
        "Free space that uploads never touch; beyond it they are answered with 507.",
    )
    .in_unit("bytes"),
    key(
        "limits.uploads",
        NUMBER,
        "16",
        "How many uploads are read and verified at once; others wait.",
    )
    .in_unit("uploads"),
    key(
        "limits.memory_bytes",
        NUMBER,
        "234881024",
        "Memory for what is sent, however much comes at once; others wait.",
    )
    .in_unit("bytes"),
    key("limits.connections", NUMBER, "20000", "Open connections in all.").in_unit("connections"),
    key(
        "limits.connections_per_address",
        NUMBER,
        "512",
        "Open connections of one IPv4 address or one IPv6 /64.",
    )
    .in_unit("connections"),
    key("certificates.client_days", NUMBER, "397", "How long client certificates stand.")
        .in_unit("days")
        .by_reload(),
    key(
        "certificates.server_days",
        NUMBER,
        "90",
        "How long the server's own certificate is valid; it is renewed when a third is left.",
    )
    .in_unit("days"),
    key(
        "certificates.crl_days",
        NUMBER,
        "7",
        "How long a revocation list is valid; it is renewed when half is over.",
    )
    .in_unit("days")
    .by_reload(),
    key(
        "hosts.update_error_mode",
        "\"any\" or \"persistent-failure\"",
        "\"any\"",
        "How apt-get update of hosts ends when any of their sources cannot be reached.",
    ),
    key(
        "scrub.days",
        NUMBER,
        "30",
        "Within how long everything that is stored is read again; 0 for never.",
    )
    .in_unit("days")
    .by_reload(),
    key(
        "scrub.bytes_per_second",
        NUMBER,
        "8388608",
        "How much the scrub reads in a second at most.",
    )
    .in_unit("bytes")
    .by_reload(),
    key(
        "scrub.least_bytes_per_second",
        NUMBER,
        "262144",
        "How much it reads in a second at least, while a pass is under way.",
    )
    .in_unit("bytes")
    .by_reload(),
    key(
        "scrub.wait_seconds",
        NUMBER,
        "600",
        "How long it leaves a server alone that has just been started.",
    )
    .in_unit("seconds"),
    key(
        "ca.passphrase_file",
        TEXT,
        "\"\"",
        "A file with the passphrase of the embedded CA's private key; the systemd credential repod-ca-passphrase goes first.",
    ),
    key(
        "trust.anchors",
        LIST,
        "[]",
        "The CAs whose clients are trusted, in place of the embedded one: files or directories.",
    ),
    key(
        "trust.intermediates",
        LIST,
        "[]",
        "CAs between those and the clients: files or directories.",
    ),
    key(
        "trust.crls",
        LIST,
        "[]",
        "Revocation lists of every CA that is named: files or directories.",
    ),
    key(
        "trust.grace_seconds",
        NUMBER,
        "0",
        "How long a revocation list counts after its end; at most a week.",
    )
    .in_unit("seconds"),
    key(
        "tls.certificate",
        TEXT,
        "\"\"",
        "The server's own certificate with intermediates, where the embedded CA does not issue it.",
    ),
    key("tls.key", TEXT, "\"\"", "Its private key."),
    key("tls.ca", TEXT, "\"\"", "The CA by which hosts recognise it."),
    key(
        "signing.command",
        LIST,
        "[]",
        "A program that signs with keys which are not here, and its arguments.",
    ),
    key("signing.timeout_seconds", NUMBER, "30", "How long it may take.").in_unit("seconds"),
    key(
        "signing.passphrase_file",
        TEXT,
        "\"\"",
        "A file with the passphrase of the private keys; the systemd credential repod-signing-passphrase goes first.",
    ),
    key(
        "log.level",
        TEXT,
        "\"info\"",
        "error, warn, info or debug; or a filter such as repod=debug,info.",
    ),
    key("log.format", "\"text\" or \"json\"", "\"text\"", "text for people, json for collectors."),
];
