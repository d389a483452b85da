//! Options of a broker of somebody else that agents speak through.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use oneshelf_protocol::address::MqttAddress;

use crate::mqtt::broker::Broker;

#[derive(Args)]
pub(super) struct BrokerArgs {
    /// An MQTT broker of yours that agents speak through, as in mqtts://broker.example:8883.
    #[arg(long, env = "HUB_BROKER")]
    broker: Option<MqttAddress>,
    /// The hub's user at the broker.
    #[arg(long, env = "HUB_BROKER_USER", default_value = "hub")]
    broker_user: String,
    /// A file with the hub's password at the broker.
    #[arg(long, env = "HUB_BROKER_PASSWORD_FILE", requires = "broker")]
    broker_password_file: Option<PathBuf>,
    /// A root certificate (PEM) that the broker's leads to, beside those of the system.
    #[arg(long, env = "HUB_BROKER_CA", requires = "broker")]
    broker_ca: Option<PathBuf>,
}

impl BrokerArgs {
    pub(super) fn broker(self) -> anyhow::Result<Option<Broker>> {
        let Some(address) = self.broker else { return Ok(None) };
        let password = self.broker_password_file.map(|path| {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            Ok::<_, anyhow::Error>(text.trim_end_matches(['\r', '\n']).to_owned())
        });
        let (user, ca, password) = (self.broker_user, self.broker_ca, password.transpose()?);
        Ok(Some(Broker { address, user, password, ca }))
    }
}
