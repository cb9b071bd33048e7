//! Paths: what a request was probably meant for, when nothing answers to its path and method.

use axum::http::Method;

use super::asker::Asker;
use crate::api::BASE;
use crate::debian::{Component, SuiteName};

/// The extensions of packages.
const PACKAGES: [&str; 3] = [".deb", ".udeb", ".ddeb"];

/// What to ask instead. `site` is the address of this server, with a slash at its end.
pub(super) fn meant(asker: Asker, method: &Method, path: &str, site: &str) -> Option<String> {
    let below = path.strip_prefix(BASE).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match (asker, below) {
        (Asker::Apt, Some(_)) => Some(format!("the URIs of the source have to be {site}")),
        (Asker::Apt | Asker::Repoctl, _) => None,
        _ => {
            let sends = *method == Method::PUT || *method == Method::POST;
            let parts: Vec<&str> =
                below.unwrap_or(path).trim_start_matches('/').split('/').collect();
            let place = Place { asker, parts, site };
            match (sends, below.is_some()) {
                (true, true) => Some(place.sending(method)),
                (true, false) => Some(format!("packages are sent to the API: {}", place.send())),
                (false, true) => Some(place.asking()),
                (false, false) => Some(format!(
                    "the API is below {site}api/v1/, and what apt reads below {site}dists/ and {site}pool/"
                )),
            }
        }
    }
}

/// A path, with what it has of a suite and a component.
struct Place<'r> {
    asker: Asker,
    /// Below the root of the API, or of the server.
    parts: Vec<&'r str>,
    site: &'r str,
}

impl Place<'_> {
    /// How a package is sent to the suite and the component of the path.
    fn send(&self) -> String {
        let suite = self.suite().unwrap_or("SUITE");
        let component = self.part(2).filter(|part| {
            !is_package(part) && part.parse::<Component>().is_ok() && self.suite().is_some()
        });
        let to = format!("{}api/v1/suites/{suite}/{}/", self.site, component.unwrap_or("main"));
        match self.asker {
            Asker::Curl => format!("curl -T FILE {to}"),
            _ => format!("PUT {to}FILE"),
        }
    }

    fn sending(&self, method: &Method) -> String {
        let send = self.send();
        let (suite, component, file) = (self.suite(), self.part(2), self.part(3));
        match (suite, component, file) {
            (Some(_), Some(_), Some(_)) if *method == Method::POST => match self.asker {
                Asker::Curl => {
                    format!("a package is sent with -T, not with -d, -F or --json: {send}")
                }
                _ => format!("a package is sent with PUT: {send}"),
            },
            (Some(_), Some(one), None) if is_package(one) => {
                format!("the path lacks the component, such as main: {send}")
            }
            (Some(_), Some(_), None) => match self.asker {
                Asker::Curl => format!(
                    "the path lacks the name of the file; with -T curl adds it to an address that ends in \
                     a slash: {send}"
                ),
                _ => format!("the path lacks the name of the file: {send}"),
            },
            (Some(_), None, _) => format!("the path lacks the component and the file: {send}"),
            _ if self.parts.iter().any(|part| is_package(part)) => {
                format!("a package goes to a suite and a component: {send}")
            }
            _ => self.described(),
        }
    }

    fn asking(&self) -> String {
        match (self.suite(), self.part(3).or(self.part(2))) {
            (Some(suite), Some(_)) => {
                let how = match self.asker {
                    Asker::Curl => "without -T curl only asks; to send a package",
                    _ => "to send a package",
                };
                format!(
                    "{how}: {}; {}api/v1/suites/{suite}/packages lists what is there",
                    self.send(),
                    self.site
                )
            }
            _ => self.described(),
        }
    }

    fn described(&self) -> String {
        format!("{}api/v1/openapi.json describes every request", self.site)
    }

    /// A part of the path that is there and not empty.
    fn part(&self, at: usize) -> Option<&str> {
        self.parts.get(at).copied().filter(|part| !part.is_empty())
    }

    fn suite(&self) -> Option<&str> {
        let named = self.part(1).filter(|_| self.parts.first() == Some(&"suites"));
        named.filter(|suite| SuiteName::parse(suite).is_ok())
    }
}

fn is_package(part: &str) -> bool {
    PACKAGES.iter().any(|extension| part.ends_with(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = "https://repo.example.org/";
    const SEND: &str = "curl -T FILE https://repo.example.org/api/v1/suites/stable/main/";

    #[test]
    fn curl_is_told_how_a_package_is_sent_there() {
        let cases = [
            ("PUT", "/api/v1/suites/stable/x_1_all.deb", "lacks the component, such as main"),
            ("PUT", "/api/v1/suites/stable/main", "lacks the name of the file; with -T curl adds"),
            ("PUT", "/api/v1/suites/stable/main/", "lacks the name of the file; with -T curl adds"),
            ("PUT", "/api/v1/suites/stable/", "lacks the component and the file"),
            ("PUT", "/suites/stable/main/x_1_all.deb", "packages are sent to the API"),
            (
                "POST",
                "/api/v1/suites/stable/main/x_1_all.deb",
                "with -T, not with -d, -F or --json",
            ),
            ("GET", "/api/v1/suites/stable/main/x_1_all.deb", "without -T curl only asks"),
            ("GET", "/api/v1/suites/stable/main/", "without -T curl only asks"),
        ];
        for (method, path, says) in cases {
            let told = meant(Asker::Curl, &method.parse().unwrap(), path, SITE).unwrap();
            assert!(told.contains(says) && told.contains(SEND), "{method} {path}: {told}");
            let told = meant(Asker::Other, &method.parse().unwrap(), path, SITE).unwrap();
            assert!(!told.contains("curl") && !told.contains("-T"), "{method} {path}: {told}");
            assert!(told.contains("PUT https://repo.example.org/api/v1/suites/stable/main/FILE"));
        }
    }

    #[test]
    fn a_path_that_names_no_suite_is_not_repeated() {
        let put = |path: &str| meant(Asker::Curl, &Method::PUT, path, SITE).unwrap();
        let anywhere = "/api/v1/suites/SUITE/main/";
        assert!(put("/api/v1/x_1_all.deb").contains(anywhere));
        assert!(put("/x_1_all.deb").contains(anywhere));
        assert!(put("/api/v1/suites/a%20b/main/x.deb").contains(anywhere));
        assert!(put("/api/v1/nothing").ends_with("openapi.json describes every request"));
        assert!(put("/api/v1x/y").contains("packages are sent to the API"));
    }

    #[test]
    fn apt_is_told_about_its_source_and_about_nothing_else() {
        let told = |path: &str| meant(Asker::Apt, &Method::GET, path, SITE);
        let source = "the URIs of the source have to be https://repo.example.org/";
        assert_eq!(told("/api/v1/suites/stable/dists/stable/InRelease").unwrap(), source);
        assert_eq!(told("/debian/dists/stable/InRelease"), None);
        assert_eq!(meant(Asker::Repoctl, &Method::GET, "/api/v1/new", SITE), None);
    }
}
