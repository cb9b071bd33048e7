//! A CA of one's own, as a company has one: a root, CAs below it, and every odd certificate, all made by
//! the `openssl` command, once for all tests.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::harness::programs::program;

/// The name that the host's certificates prove.
pub const HOST: &str = "web-01.example.org";
/// The name of the first admin.
pub const ADMIN: &str = "boss.example.org";

/// Keys, certificates and lists, by name.
pub struct Pki {
    dir: TempDir,
}

/// What a good client certificate says, but for its names.
const USAGE: &str = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n\
                     extendedKeyUsage=clientAuth\n";

/// Extensions of revocation lists, one section for each kind.
const LISTS: &str = "[plain]\nauthorityKeyIdentifier=keyid\n\
    [delta]\nauthorityKeyIdentifier=keyid\n2.5.29.27=critical,DER:02:01:01\n\
    [indirect]\nissuingDistributionPoint=critical,@idp_indirect\n[idp_indirect]\nindirectCRL=TRUE\n\
    [users]\nissuingDistributionPoint=critical,@idp_users\n[idp_users]\nonlyuser=TRUE\n\
    [critical]\n1.2.3.4=critical,ASN1:NULL\n";

/// Everything, made when the first test asks for it.
pub fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(Pki::whole)
}

impl Pki {
    /// Everything, apart from all others.
    pub fn whole() -> Self {
        let dir = tempfile::Builder::new().prefix("repod-pki-").tempdir().unwrap();
        let pki = Self { dir };
        let weak = "openssl_conf=init\n[init]\nssl_conf=ssl\n[ssl]\nsystem_default=weak\n[weak]\n\
                    CipherString=DEFAULT@SECLEVEL=0\n";
        pki.write("weak.cnf", weak);
        pki.make_authorities();
        pki.make_leaves();
        pki
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// `openssl ARGUMENTS`, parted at blanks.
    #[track_caller]
    pub fn openssl(&self, arguments: &str) {
        let openssl = program("openssl").args(arguments.split_whitespace());
        openssl.dir(self.dir.path()).run().expect_success();
    }

    fn key(&self, name: &str, make: &str) {
        self.openssl(&format!("{make} -out {name}.key"));
    }

    /// A CA named `name`: self-signed, or certified by `above`.
    pub fn authority(&self, name: &str, subject: &str, above: Option<&str>, more: &str) {
        self.key(name, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256");
        let folder = self.path(&format!("{name}.new"));
        std::fs::create_dir_all(folder).unwrap();
        self.write(&format!("{name}.db"), "");
        self.write(&format!("{name}.serial"), "1000\n");
        self.write(&format!("{name}.number"), "10\n");
        let own = |number: &str| {
            format!(
                "[ca]\ndefault_ca=own\n[own]\ndatabase={name}.db\nserial={name}.serial\n{number}\
                 new_certs_dir={name}.new\ncertificate={name}.crt\nprivate_key={name}.key\n\
                 default_md=sha256\npolicy=any\nunique_subject=no\ndefault_days=90\n\
                 crl_extensions=plain\n[any]\ncommonName=optional\n{LISTS}"
            )
        };
        self.write(&format!("{name}.cnf"), own(&format!("crlnumber={name}.number\n")));
        self.write(&format!("{name}-unnumbered.cnf"), own(""));
        let usage = format!(
            "basicConstraints=critical,CA:TRUE{more}\nkeyUsage=critical,keyCertSign,cRLSign\n\
             subjectKeyIdentifier=hash\n"
        );
        self.write(&format!("{name}.ext"), usage);
        self.openssl(&format!("req -new -key {name}.key -subj {subject} -out {name}.csr"));
        match above {
            Some(above) => self.openssl(&format!(
                "ca -batch -notext -config {above}.cnf -in {name}.csr -extfile {name}.ext -out {name}.crt"
            )),
            None => self.openssl(&format!(
                "x509 -req -in {name}.csr -signkey {name}.key -days 900 -extfile {name}.ext -out {name}.crt"
            )),
        }
    }

    /// A client certificate `name` by `ca`, with these names, more extensions, and flags of `openssl ca`.
    pub fn leaf(&self, name: &str, ca: &str, key: &str, extensions: &str, flags: &str) {
        self.write(&format!("{name}.ext"), extensions);
        self.openssl(&format!("req -new -key {key}.key -subj /CN={HOST} -out {name}.csr"));
        self.openssl(&format!(
            "ca -batch -notext -config {ca}.cnf -in {name}.csr -extfile {name}.ext {flags} -out {name}.crt"
        ));
        std::fs::copy(self.path(&format!("{key}.key")), self.path(&format!("{name}.key"))).unwrap();
    }

    /// A good client certificate for `host`, with a key of its own.
    pub fn client(&self, name: &str, ca: &str, host: &str) {
        let key = format!("{name}-own");
        self.key(&key, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256");
        self.leaf(name, ca, &key, &format!("{USAGE}subjectAltName=DNS:{host}\n"), "");
    }

    /// Puts certificates behind `name`, as a client sends them along.
    fn chain(&self, name: &str, others: &[&str]) {
        let mut whole = self.read(&format!("{name}.crt"));
        for other in others {
            whole.extend(self.read(&format!("{other}.crt")));
        }
        self.write(&format!("{name}.crt"), whole);
    }

    /// Revokes `name` in the book of `ca`; the next list says so.
    pub fn revoke(&self, ca: &str, name: &str) {
        // Only the first certificate of the file is the client's own.
        self.openssl(&format!("x509 -in {name}.crt -out revoked.pem"));
        self.openssl(&format!("ca -config {ca}.cnf -revoke revoked.pem"));
    }

    /// The next revocation list of `ca`, with `flags` of `openssl ca -gencrl`.
    pub fn list(&self, ca: &str, name: &str, flags: &str) {
        let flags = if flags.is_empty() { "-crldays 30" } else { flags };
        self.openssl(&format!("ca -config {ca}.cnf -gencrl {flags} -out {name}.crl"));
    }

    /// Sets the number of the next list of `ca`, in hexadecimal.
    pub fn number(&self, ca: &str, number: &str) {
        self.write(&format!("{ca}.number"), format!("{number}\n"));
    }

    /// When the list `name` ends. Unit: seconds since 1970.
    pub fn ends(&self, name: &str) -> i64 {
        let file = format!("{name}.crl");
        let openssl = program("openssl").args(["crl", "-in", &file, "-noout", "-nextupdate"]);
        let said = openssl.dir(self.dir.path()).run().expect_success().stdout;
        let text = said.trim().strip_prefix("nextUpdate=").unwrap().to_owned();
        let date = program("date").args(["-d", &text, "+%s"]).run().expect_success();
        date.stdout.trim().parse().unwrap()
    }

    /// A certificate for a server called repo.example.org.
    pub fn server(&self, name: &str, ca: &str) {
        let key = format!("{name}-own");
        self.key(&key, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256");
        let extensions = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n\
                          extendedKeyUsage=serverAuth\nsubjectAltName=DNS:repo.example.org\n";
        self.leaf(name, ca, &key, extensions, "");
    }

    fn make_authorities(&self) {
        self.authority("root", "/CN=Root", None, "");
        self.authority("issuing", "/CN=Issuing", Some("root"), ",pathlen:0");
        self.authority("lost", "/CN=Lost", Some("root"), "");
        self.authority("unlisted", "/CN=Unlisted", Some("root"), "");
        self.authority("below", "/CN=Below", Some("issuing"), "");
        let fence = "\nnameConstraints=critical,permitted;DNS:example.net";
        self.authority("fenced", "/CN=Fenced", Some("root"), fence);
        self.authority("other", "/CN=Other", None, "");
        self.authority("twin", "/CN=Root", None, "");
    }

    /// A certificate for each line of the table in docs/certificates.md, by the name it has there.
    fn make_leaves(&self) {
        let ec = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve";
        for (name, make) in [
            ("p256", format!("{ec}:P-256")),
            ("p384", format!("{ec}:P-384")),
            ("p521", format!("{ec}:P-521")),
            ("k1", format!("{ec}:secp256k1")),
            ("ed25519", "genpkey -algorithm ED25519".into()),
            ("ed448", "genpkey -algorithm ED448".into()),
            ("rsa1024", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024".into()),
            ("rsa2048", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048".into()),
        ] {
            self.key(name, &make);
        }
        let good = format!("{USAGE}subjectAltName=DNS:{HOST}\n");
        let past = "-startdate 20200101000000Z -enddate 20210101000000Z";
        let ahead = "-startdate 20400101000000Z -enddate 20410101000000Z";
        for (name, ca, key, flags) in [
            ("by the CA at the top", "root", "p256", ""),
            ("by a CA below, sent along", "issuing", "p256", ""),
            ("by a CA below, not sent along", "issuing", "p256", ""),
            ("expired", "root", "p256", past),
            ("not yet valid", "root", "p256", ahead),
            ("revoked", "root", "p256", ""),
            ("by a CA below that is revoked", "lost", "p256", ""),
            ("by a CA below that is not configured", "unlisted", "p256", ""),
            ("by another CA", "other", "p256", ""),
            ("by another CA of the same name", "twin", "p256", ""),
            ("P-384", "root", "p384", ""),
            ("P-521", "root", "p521", ""),
            ("secp256k1", "root", "k1", ""),
            ("Ed25519", "root", "ed25519", ""),
            ("Ed448", "root", "ed448", ""),
            ("RSA-1024", "root", "rsa1024", ""),
            ("RSA-2048", "root", "rsa2048", ""),
            ("signed with SHA-1", "root", "p256", "-md sha1"),
            ("below a CA that may have none below", "below", "p256", ""),
            ("a name that its CA may not vouch for", "fenced", "p256", ""),
            ("a chain of six", "issuing", "p256", ""),
            ("a name without rights here", "root", "p256", ""),
        ] {
            let extensions = match name {
                "a name without rights here" => good.replace(HOST, "stranger.example.org"),
                _ => good.clone(),
            };
            self.leaf(&file(name), ca, key, &extensions, flags);
        }
        self.make_odd_names(&good);
        self.make_odd_chains();
        self.client("boss", "root", ADMIN);
        self.client("ex-operator", "root", "ex.example.org");
        self.client("ci", "root", "ci.example.org");
        self.revoke("root", &file("revoked"));
        self.revoke("root", "ex-operator");
        self.revoke("root", "lost");
        for ca in ["root", "issuing", "lost", "other"] {
            self.list(ca, ca, "");
        }
        self.list("twin", "twin", "");
    }

    /// Certificates that are odd in what they say, all by the root.
    fn make_odd_names(&self, good: &str) {
        let name = |san: &str| format!("{USAGE}subjectAltName={san}\n");
        let usage = |text: &str| good.replace("extendedKeyUsage=clientAuth\n", text);
        let nul: Vec<u8> = [&[0x82_u8][..], &[24], b"web-01.example.org\0.evil"].concat();
        let nul: Vec<String> =
            [&[0x30_u8, 26][..], &nul].concat().iter().map(|b| format!("{b:02x}")).collect();
        for (row, extensions) in [
            ("for servers only", usage("extendedKeyUsage=serverAuth\n")),
            ("for servers and clients", usage("extendedKeyUsage=serverAuth,clientAuth\n")),
            ("for any purpose", usage("extendedKeyUsage=anyExtendedKeyUsage\n")),
            ("for no stated purpose", usage("")),
            ("common name only", USAGE.to_owned()),
            ("wildcard", name("DNS:*.example.org")),
            ("two names", name("DNS:web-01.example.org,DNS:web-02.example.org")),
            ("a name with NUL in it", name(&format!("DER:{}", nul.join(":")))),
            ("upper case", name("DNS:WEB-01.example.org")),
            ("a dot at the end", name("DNS:web-01.example.org.")),
            ("an address", name("IP:10.0.0.1")),
            ("an address as a name", name("DNS:10.0.0.1")),
            ("an e-mail address", name("email:web-01@example.org")),
            ("a URI", name("URI:spiffe://example.org/web-01")),
            ("a name and an address", name("DNS:web-01.example.org,IP:10.0.0.1")),
            (
                "a critical extension that nobody knows",
                format!("{good}1.2.3.4=critical,ASN1:NULL\n"),
            ),
            (
                "a CA's own",
                good.replace("critical,CA:FALSE", "critical,CA:TRUE")
                    .replace("digitalSignature", "digitalSignature,keyCertSign"),
            ),
        ] {
            self.leaf(&file(row), "root", "p256", &extensions, "");
        }
    }

    fn make_odd_chains(&self) {
        let own = file("self-signed");
        self.write("own.ext", format!("{USAGE}subjectAltName=DNS:{HOST}\n"));
        self.openssl(&format!("req -new -key p256.key -subj /CN={HOST} -out {own}.csr"));
        self.openssl(&format!(
            "x509 -req -in {own}.csr -signkey p256.key -days 9 -extfile own.ext -out {own}.crt"
        ));
        std::fs::copy(self.path("p256.key"), self.path(&format!("{own}.key"))).unwrap();
        let old = file("without extensions, version 1");
        self.openssl(&format!("req -new -key p256.key -subj /CN={HOST} -out {old}.csr"));
        self.openssl(&format!(
            "x509 -req -in {old}.csr -CA root.crt -CAkey root.key -set_serial 7 -days 9 -out {old}.crt"
        ));
        std::fs::copy(self.path("p256.key"), self.path(&format!("{old}.key"))).unwrap();
        // By a client, which is no CA.
        let by_client = file("by a client's certificate");
        self.write("by.ext", format!("{USAGE}subjectAltName=DNS:{HOST}\n"));
        self.openssl(&format!("req -new -key p256.key -subj /CN={HOST} -out {by_client}.csr"));
        let top = file("by the CA at the top");
        self.openssl(&format!(
            "x509 -req -in {by_client}.csr -CA {top}.crt -CAkey {top}.key -set_serial 9 -days 9 \
             -extfile by.ext -out {by_client}.crt"
        ));
        std::fs::copy(self.path("p256.key"), self.path(&format!("{by_client}.key"))).unwrap();
        for (row, others) in [
            ("by a CA below, sent along", &["issuing"][..]),
            ("by a CA below that is revoked", &["lost"]),
            ("by a CA below that is not configured", &["unlisted"]),
            ("by another CA", &["other"]),
            ("by another CA of the same name", &["twin"]),
            ("below a CA that may have none below", &["below", "issuing"]),
            ("a name that its CA may not vouch for", &["fenced"]),
            ("by a client's certificate", &[top.as_str()]),
            ("a chain of six", &["issuing", "root", "lost", "other", "unlisted"]),
        ] {
            self.chain(&file(row), others);
        }
    }

    /// The certificate and key of a row.
    pub fn pair(&self, row: &str) -> (PathBuf, PathBuf) {
        let file =
            if self.path(&format!("{row}.crt")).exists() { row.to_owned() } else { file(row) };
        (self.path(&format!("{file}.crt")), self.path(&format!("{file}.key")))
    }
}

/// A row's name as that of a file.
pub fn file(row: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    format!("leaf-{}", row.chars().map(plain).collect::<String>())
}

/// Puts `name` of `pki` into a directory under the same name.
pub fn place(pki: &Pki, names: &[&str], directory: &Path) {
    std::fs::create_dir_all(directory).unwrap();
    for name in names {
        std::fs::copy(pki.path(name), directory.join(name)).unwrap();
    }
}
