//! The servers that `make services` runs, for tests that do not break them. Their data is everybody's: what a test looks for
//! has to bear a name of the test's own.

use std::collections::BTreeMap;
use std::fs;

use super::influxdb::Bucket;
use super::kafka::Topics;
use crate::process::repository;

pub struct Shared {
    variables: BTreeMap<String, String>,
}

impl Shared {
    pub fn read() -> Self {
        let path = repository().join("target/services.env");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!(
                "{}: {error}; run `make services` first (`make test` does)",
                path.display()
            )
        });
        let variables = text
            .lines()
            .map(|line| line.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self { variables }
    }

    /// As the node reads them.
    pub fn variables(&self) -> Vec<(String, String)> {
        self.variables.clone().into_iter().collect()
    }

    pub fn kafka(&self) -> Topics {
        Topics::at(&self.variables["IOC__KAFKA__BROKERS"])
    }

    pub fn influxdb(&self) -> Bucket {
        let url = &self.variables["IOC__INFLUXDB__URL"];
        Bucket {
            address: url.strip_prefix("http://").unwrap().parse().unwrap(),
            org: self.variables["IOC__INFLUXDB__ORG"].clone(),
            bucket: self.variables["IOC__INFLUXDB__BUCKET"].clone(),
            token: self.variables["IOC__INFLUXDB__TOKEN"].clone(),
        }
    }

    /// `mqtt://…` of the mosquitto.
    pub fn broker(&self) -> &str {
        &self.variables["IOC__BROKER__URL"]
    }
}
