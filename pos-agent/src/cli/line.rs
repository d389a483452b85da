//! Options of the line to the hub: WebSocket by default, or MQTT.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use oneshelf_protocol::address::MqttAddress;

use crate::serve::{Broker, Transport};

/// What frames travel over.
#[derive(Debug, Args)]
pub(super) struct LineArgs {
    /// Speaks to the hub's own MQTT endpoint instead of WebSocket, as in mqtts://hub.example:8883.
    #[arg(long, env = "POS_AGENT_MQTT", conflicts_with = "broker")]
    mqtt: Option<MqttAddress>,
    /// Speaks to the hub through an MQTT broker of yours, as in mqtts://broker.example:8883. Every
    /// frame is signed, so the broker cannot speak for the store.
    #[arg(long, env = "POS_AGENT_BROKER")]
    broker: Option<MqttAddress>,
    /// This agent's user at the broker; its own id when not said.
    #[arg(long, env = "POS_AGENT_BROKER_USER", requires = "broker")]
    broker_user: Option<String>,
    /// A file with this agent's password at the broker.
    #[arg(long, env = "POS_AGENT_BROKER_PASSWORD_FILE", requires = "broker")]
    broker_password_file: Option<PathBuf>,
}

impl LineArgs {
    pub(super) fn transport(self) -> Result<Transport> {
        if let Some(address) = self.mqtt {
            return Ok(Transport::Endpoint(address));
        }
        let Some(address) = self.broker else { return Ok(Transport::WebSocket) };
        let password = self.broker_password_file.map(|path| {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            Ok::<_, anyhow::Error>(text.trim_end_matches(['\r', '\n']).to_owned())
        });
        let password = password.transpose()?;
        Ok(Transport::Broker(Broker { address, user: self.broker_user, password }))
    }
}
