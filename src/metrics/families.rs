//! Builds metric families from plain numbers.

use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

/// The families of one scrape.
#[derive(Default)]
pub(super) struct Families(Vec<MetricFamily>);

impl Families {
    /// Begins a family of gauges.
    pub(super) fn gauge(&mut self, name: &str, help: &str) -> Series<'_> {
        self.family(name, help, MetricType::GAUGE)
    }

    /// Begins a family of counters; the name ends in `_total`.
    pub(super) fn counter(&mut self, name: &str, help: &str) -> Series<'_> {
        debug_assert!(name.ends_with("_total"), "{name} counts");
        self.family(name, help, MetricType::COUNTER)
    }

    /// The families that have at least one series: the text format has no empty ones.
    pub(super) fn finish(self) -> Vec<MetricFamily> {
        let mut families = self.0;
        families.retain(|family| !family.get_metric().is_empty());
        families
    }

    fn family(&mut self, name: &str, help: &str, kind: MetricType) -> Series<'_> {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        self.0.push(family);
        let family = self.0.last_mut().expect("a family was pushed just before");
        Series { family, kind }
    }
}

/// The series of one family.
pub(super) struct Series<'a> {
    family: &'a mut MetricFamily,
    kind: MetricType,
}

impl Series<'_> {
    /// Adds one series.
    pub(super) fn add(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        let labels = labels.iter().map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        });
        let mut metric = Metric::from_label(labels.collect());
        if matches!(self.kind, MetricType::COUNTER) {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.family.mut_metric().push(metric);
        self
    }

    /// Adds one series with a whole number; beyond 2⁵³ the format itself rounds.
    pub(super) fn count(&mut self, labels: &[(&str, &str)], value: u64) -> &mut Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "the format's numbers are doubles"
        )]
        self.add(labels, value as f64)
    }

    /// Adds one series that is 1 where the statement holds, else 0.
    pub(super) fn flag(&mut self, labels: &[(&str, &str)], holds: bool) -> &mut Self {
        self.add(labels, f64::from(u8::from(holds)))
    }
}
