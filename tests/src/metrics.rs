//! The node's `/metrics`, read as a scraper would.

use std::net::SocketAddr;

use crate::http;

/// One scrape.
pub struct Metrics(String);

impl Metrics {
    pub fn scrape(admin: SocketAddr) -> Self {
        let answer = http::get(admin, "/metrics");
        assert_eq!(answer.status, 200);
        Self(String::from_utf8(answer.body).unwrap())
    }

    /// The sum over all series of this name that bear these labels; nothing if there is none.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{value}\""))
            .collect();
        let values = self.0.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let (labels, value) = rest.rsplit_once(' ')?;
            let own = labels.is_empty() || labels.starts_with('{');
            let matches = wanted.iter().all(|wanted| labels.contains(wanted.as_str()));
            (own && matches).then(|| value.parse::<f64>().unwrap())
        });
        values.reduce(|left, right| left + right)
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}
