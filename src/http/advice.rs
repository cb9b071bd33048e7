//! Advice: what a refused client can do about it, in the words of the program that asks.
//!
//! A refusal says what is wrong. What mends it depends on the program: apt has SslCert, curl has --cert.
//! apt prints the status line and nothing else, so its advice follows the reason there; everybody else
//! finds it as `hint` in the body.

mod asker;
mod paths;

use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::response::Response;
use hyper::ext::ReasonPhrase;

use crate::api::{Code, Problem};
use crate::http::answer::{Told, reason_phrase, write_again};
use crate::http::route::Matched;
use asker::Asker;

/// A request, as far as the advice depends on it.
pub struct Request {
    asker: Asker,
    method: Method,
    uri: Uri,
    /// Whether the body is a form: curl sends one with -d or -F.
    is_form: bool,
}

impl Request {
    /// The request with this head.
    pub fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let forms: [&[u8]; 2] = [b"application/x-www-form-urlencoded", b"multipart/form-data"];
        Self {
            asker: Asker::of(headers),
            method: method.clone(),
            uri: uri.clone(),
            is_form: forms.iter().any(|form| kind.starts_with(form)),
        }
    }

    /// The answer, with advice if it is a problem for which there is some. `site` is the address of
    /// this server: `https://repo.example.org:8443/`.
    pub fn advise(&self, site: &str, mut response: Response) -> Response {
        let Some(Told(problem)) = response.extensions().get::<Told>() else { return response };
        let row = response.extensions().get::<Matched>().is_some();
        let Some(hint) = self.hint(problem, row, site) else { return response };
        if self.asker == Asker::Apt {
            let line = reason_phrase(&format!("{}: {hint}", problem.detail));
            if let Ok(line) = ReasonPhrase::try_from(line) {
                response.extensions_mut().insert(line);
            }
        }
        if self.method == Method::HEAD {
            return response;
        }
        if let Some(Told(mut problem)) = response.extensions_mut().remove() {
            problem.hint = Some(hint);
            write_again(&mut response, &problem);
            response.extensions_mut().insert(Told(problem));
        }
        response
    }

    /// What to do about a problem. `row` is whether the request came to a row of the table of routes.
    fn hint(&self, problem: &Problem, row: bool, site: &str) -> Option<String> {
        let code = problem.known_code()?;
        let unanswered = (code == Code::Missing && !row) || code == Code::MethodRefused;
        match (self.asker, code) {
            (_, Code::Missing | Code::MethodRefused) if unanswered => {
                paths::meant(self.asker, &self.method, self.uri.path(), site)
            }
            (Asker::Curl, _) => self.curl(code, site),
            (Asker::Apt, Code::CertificateMissing) => {
                Some("set SslCert and SslKey for this host in apt.conf".into())
            }
            (Asker::Repoctl, Code::CertificateMissing) => Some(
                "repoctl presents one; does something between it and the server end TLS, such as a proxy?"
                    .into(),
            ),
            (Asker::Other, Code::CertificateMissing) => {
                Some("present a client certificate that this server accepts, with its key".into())
            }
            _ => None,
        }
    }

    fn curl(&self, code: Code, site: &str) -> Option<String> {
        let text = match code {
            Code::CertificateMissing => {
                "give curl --cert FILE and --key FILE; an admin makes both with `repoctl identity issue`".into()
            }
            Code::CertificateExpired | Code::CertificateRevoked | Code::CertificateRefused => {
                "`openssl x509 -noout -subject -issuer -dates -in FILE` shows what curl --cert FILE presents; \
                 an admin makes another certificate with `repoctl identity issue`"
                    .into()
            }
            Code::TrustStale => {
                "no other --cert helps: the fault is the server's, and an operator mends it with `repoctl crl put`".into()
            }
            Code::Denied => {
                format!("curl {site}api/v1/whoami with the same --cert and --key shows who you are and what you may do")
            }
            Code::Missing if self.uri.path().starts_with("/api/v1/suites/") => {
                format!("curl {site}api/v1/suites lists the suites that you may read")
            }
            Code::Rejected | Code::DigestMismatch | Code::InvalidRequest if self.sends_package_as_form() => {
                "-d and -F alter or wrap the file; curl -T FILE sends it as it is".into()
            }
            Code::InvalidRequest if self.is_form => {
                "send JSON with curl --json '{…}', or -H 'Content-Type: application/json' -d '{…}'".into()
            }
            Code::LengthRequired => "--data-binary @FILE sends a file with its length, -T - does not".into(),
            Code::Busy | Code::Timeout => "curl --retry 5 repeats it by itself".into(),
            _ => return None,
        };
        Some(text)
    }

    fn sends_package_as_form(&self) -> bool {
        self.is_form && self.method == Method::PUT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENTS: [&str; 4] =
        ["curl/8.5.0", "Debian APT-HTTP/1.3 (2.6.1) non-interactive", "repoctl/0.1.0", "Wget/1.21"];

    fn request(agent: &str, method: &str, path: &str, kind: &str) -> Request {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, agent.parse().unwrap());
        headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        Request::of(&method.parse().unwrap(), &path.parse().unwrap(), &headers)
    }

    fn hint(request: &Request, code: Code) -> Option<String> {
        request.hint(&Problem::new(code, "it is so"), true, "https://repo.example.org/")
    }

    #[test]
    fn each_program_is_told_in_its_own_words() {
        let told = AGENTS.map(|agent| {
            hint(&request(agent, "GET", "/dists/x/InRelease", ""), Code::CertificateMissing)
                .unwrap()
        });
        let [curl, apt, repoctl, other] = &told;
        assert!(curl.contains("--cert") && !curl.contains("SslCert"), "{curl}");
        assert_eq!(apt, "set SslCert and SslKey for this host in apt.conf");
        for others in [repoctl, other] {
            assert!(!others.contains("curl") && !others.contains("apt"), "{others}");
        }
        for code in Code::ALL {
            for agent in &AGENTS[1..] {
                let told = hint(&request(agent, "PUT", "/api/v1/x", ""), *code).unwrap_or_default();
                assert!(!told.contains("curl"), "{agent} {code:?}: {told}");
            }
        }
    }

    #[test]
    fn a_form_is_not_how_curl_sends_a_package_or_json() {
        let form = "application/x-www-form-urlencoded";
        let package = request(AGENTS[0], "PUT", "/api/v1/suites/stable/main/x.deb", form);
        assert!(hint(&package, Code::Rejected).unwrap().contains("curl -T FILE"));
        let json = request(AGENTS[0], "POST", "/api/v1/suites/stable/changes", form);
        assert!(hint(&json, Code::InvalidRequest).unwrap().contains("--json"));
        let plain = request(AGENTS[0], "PUT", "/api/v1/suites/stable/main/x.deb", "");
        assert_eq!(hint(&plain, Code::Rejected), None);
    }

    #[test]
    fn only_the_status_line_of_apt_has_the_advice() {
        use axum::response::IntoResponse;
        for agent in AGENTS {
            let problem =
                crate::http::answer::Failure::new(Code::CertificateMissing, "no certificate");
            let told = request(agent, "GET", "/", "").advise("https://x/", problem.into_response());
            let line = told.extensions().get::<ReasonPhrase>().unwrap().as_bytes().to_vec();
            let has = line != b"no certificate";
            assert_eq!(has, agent.starts_with("Debian"), "{agent}");
        }
    }
}
