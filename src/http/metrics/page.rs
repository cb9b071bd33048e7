//! A page of metrics, in the text format of Prometheus.

use std::fmt::{Display, Write as _};

use crate::flow::Durations;

/// The text so far.
#[derive(Default)]
pub struct Page {
    text: String,
}

impl Page {
    /// Begins a metric.
    pub fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a string does not fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A value of it; `label` is empty, or made by [`label`].
    pub fn line(&mut self, name: &str, label: &str, value: impl Display) {
        let _ = writeln!(self.text, "{name}{label} {value}");
    }

    /// A gauge without labels.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.line(name, "", value);
    }

    /// A gauge that is 1 or 0.
    pub fn flag(&mut self, name: &str, help: &str, is_so: bool) {
        self.gauge(name, help, u64::from(is_so));
    }

    /// A counter without labels.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "counter", help);
        self.line(name, "", value);
    }

    /// The values of a histogram that was begun; `labels` are inside braces, with a comma at their end,
    /// or empty.
    pub fn durations(&mut self, name: &str, labels: &str, durations: &Durations) {
        for (bound, count) in &durations.buckets {
            self.line(&format!("{name}_bucket"), &format!("{{{labels}le=\"{bound}\"}}"), count);
        }
        self.line(&format!("{name}_bucket"), &format!("{{{labels}le=\"+Inf\"}}"), durations.count);
        let own = labels.trim_end_matches(',');
        let own = if own.is_empty() { String::new() } else { format!("{{{own}}}") };
        self.line(&format!("{name}_sum"), &own, durations.sum_seconds);
        self.line(&format!("{name}_count"), &own, durations.count);
    }

    /// All of it.
    pub fn text(self) -> String {
        self.text
    }
}

/// A label and its value, in braces. Values are printable ASCII.
pub fn label(name: &str, value: impl Display) -> String {
    let value = value.to_string().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{{{name}=\"{value}\"}}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::flow::Histogram;

    #[test]
    fn values_of_labels_are_quoted_and_histograms_end_with_all() {
        assert_eq!(label("issuer", "CN=\"a\\b\""), "{issuer=\"CN=\\\"a\\\\b\\\"\"}");
        let histogram = Histogram::of_answers();
        histogram.note(Duration::from_millis(2));
        let mut page = Page::default();
        page.durations("x_seconds", "kind=\"api\",", &histogram.read());
        let text = page.text();
        assert!(text.contains("x_seconds_bucket{kind=\"api\",le=\"0.001\"} 0\n"), "{text}");
        assert!(text.contains("x_seconds_bucket{kind=\"api\",le=\"0.0025\"} 1\n"), "{text}");
        assert!(text.contains("x_seconds_bucket{kind=\"api\",le=\"+Inf\"} 1\n"), "{text}");
        assert!(text.ends_with("x_seconds_count{kind=\"api\"} 1\n"), "{text}");
    }
}
