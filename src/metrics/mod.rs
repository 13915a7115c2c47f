//! The numbers that Prometheus scrapes, as spec/interfaces.md §3 names them.
//!
//! A leaf: it knows names, help texts, labels and how per-session series fold, and nothing of the
//! rooms whose state it shows. State families (`Sample` structs of plain numbers go in, families come
//! out) are made anew at each scrape from published snapshots, so a number can never be left behind
//! by an event that was not counted. Only what a snapshot cannot tell, the distribution of durations,
//! is kept in handles ([`Metrics`]), which register themselves on first use: a family that nobody
//! feeds is not shown.

mod families;
mod process;
mod sample;
mod session;
mod tables;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use prometheus::proto::MetricFamily;
use prometheus::{Encoder, HistogramOpts, HistogramVec, Registry, TextEncoder};

pub use prometheus::Histogram;
pub use sample::{
    DatastoreSample, FibSample, GroupSample, KindSample, PeerPrefixes, PeerSample, RibSample,
    RouterSample, Sample, StateSample,
};
pub use session::{PeerSeries, UnknownPeerSeries};

/// The content type of the text that [`Metrics::render`] gives.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// The handles of this process and the renderer of a scrape.
#[derive(Debug, Default)]
pub struct Metrics {
    registry: Registry,
    fib_apply: OnceLock<Histogram>,
    keepalive_delay: OnceLock<Histogram>,
    loop_delay: OnceLock<HistogramVec>,
    rib_decision: OnceLock<Histogram>,
}

impl Metrics {
    /// Makes an empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// `calidris_fib_apply_seconds`: how long one batch took to be written and acknowledged.
    pub fn fib_apply(&self) -> &Histogram {
        self.fib_apply.get_or_init(|| {
            self.histogram(
                "calidris_fib_apply_seconds",
                "Time in which the kernel acknowledged one batch of route changes.",
                // 1 ms to 4 s by factors of two.
                (0..13).map(|power| 0.001 * f64::from(1 << power)).collect(),
            )
        })
    }

    /// `calidris_keepalive_delay_seconds`: how late KEEPALIVEs were written after they were due.
    pub fn keepalive_delay(&self) -> &Histogram {
        self.keepalive_delay.get_or_init(|| {
            self.histogram(
                "calidris_keepalive_delay_seconds",
                "Time between the moment a KEEPALIVE was due and the moment it was written.",
                // 1 ms to 32 s by factors of four.
                (0..8)
                    .map(|power| 0.001 * f64::from(1 << (2 * power)))
                    .collect(),
            )
        })
    }

    /// `calidris_loop_delay_seconds`: how late a loop of this name came to what was due.
    pub fn loop_delay(&self, name: &str) -> Histogram {
        let all = self.loop_delay.get_or_init(|| {
            let options = HistogramOpts::new(
                "calidris_loop_delay_seconds",
                "Time between the moment a loop was due and the moment it ran.",
            );
            // 0.1 ms to 1.6 s by factors of four.
            let buckets = (0..8).map(|power| 0.0001 * f64::from(1 << (2 * power)));
            let all = HistogramVec::new(options.buckets(buckets.collect()), &["loop"])
                .expect("name and label are constants that a test renders");
            self.registry
                .register(Box::new(all.clone()))
                .expect("the handle is made once, under its own name");
            all
        });
        all.with_label_values(&[name])
    }

    /// `calidris_rib_decision_seconds`: how long the routing table took over one batch of routes.
    pub fn rib_decision(&self) -> &Histogram {
        self.rib_decision.get_or_init(|| {
            self.histogram(
                "calidris_rib_decision_seconds",
                "Time in which one batch of up to 1024 routes was imported and decided upon.",
                // 1 µs to 1 s by factors of four.
                (0..11)
                    .map(|power| 0.000_001 * f64::from(1 << (2 * power)))
                    .collect(),
            )
        })
    }

    /// Renders one scrape in the Prometheus text format: the state given, this process's own
    /// figures, and the handles.
    ///
    /// # Errors
    /// What the encoder says of a family that breaks the format.
    pub fn render(&self, sample: &Sample) -> prometheus::Result<String> {
        let mut families = families::Families::default();
        tables::router(&mut families, &sample.router);
        session::sessions(&mut families, &sample.peers, sample.peer_series);
        tables::groups(&mut families, &sample.groups);
        tables::group_work(&mut families, &sample.groups);
        tables::rib(&mut families, &sample.rib);
        tables::fib(&mut families, &sample.fib);
        tables::datastore(&mut families, &sample.datastore);
        process::process(&mut families);
        let mut families: Vec<MetricFamily> = families.finish();
        families.extend(self.registry.gather());
        families.sort_by(|a, b| a.name().cmp(b.name()));
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text)?;
        // The encoder writes text only; anything else would be shown with replacement characters.
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn histogram(&self, name: &str, help: &str, buckets: Vec<f64>) -> Histogram {
        let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))
            .expect("names and buckets are constants that a test renders");
        self.registry
            .register(Box::new(histogram.clone()))
            .expect("each handle is made once, under its own name");
        histogram
    }
}
