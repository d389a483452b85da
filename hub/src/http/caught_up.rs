//! `/v1/channels/{channel}/caught-up`: after the hub was put back to a backup somebody says that a
//! channel has sent its orders again; locations wait for that before they are promised.
//!
//! Invariant: a mark changes only as it was read; what waits besides the channel goes on waiting.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use oneshelf_domain::code::ChannelCode;
use oneshelf_domain::record::{Record, Records, Recovering};
use oneshelf_domain::stock::{Command, Version, Versions};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::channels::found;
use super::extract::Path;
use super::guard::Signed;
use super::problem::Answer;
use super::sending::Sending;
use crate::app::App;
use crate::auth::Action;

/// Others change a mark meanwhile: an agent tells everything, another channel is done.
const TRIES: usize = 20;
/// How long to wait for what they changed.
const NEWS: Duration = Duration::from_secs(1);

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(caught_up))
}

/// Says, after a restore, that this channel has sent the orders again that the hub forgot.
///
/// Until all channels of a location have, and its agents have told everything, nothing of it is
/// promised. Orders that come meanwhile wait. A hub cannot ask a channel for them: send them again
/// from the shop, then say so here.
#[utoipa::path(post, path = "/v1/channels/{channel}/caught-up", tag = "channels",
    operation_id = "end_channel_recovery",
    params(("channel" = String, Path, pattern = "^[a-z0-9-]{1,32}$")),
    responses((status = 204)))]
async fn caught_up(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
) -> Answer<StatusCode> {
    signed.need(Action::ChangeChannels)?;
    let (_, channel) = found(&app, &code)?;
    forget(&app, &signed, &channel.code).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// No location waits for this channel any more.
pub(super) async fn forget(app: &App, signed: &Signed, channel: &ChannelCode) -> Answer<()> {
    let mut news = app.follow.subscribe();
    let mut tries = 0;
    loop {
        let seen = news.borrow_and_update().clone();
        let Some((version, mark)) = waits(&seen.records, channel) else { return Ok(()) };
        let change = match mark.caught_up(channel) {
            None => Command::RemoveRecord { key: Recovering::key(mark.location) },
            Some(left) => Command::PutRecord { record: Box::new(Record::Recovering(left)) },
        };
        let at = Some(Versions::These(vec![version]));
        let command = Command::OnlyIf { at, not_at: None, change: Box::new(change) };
        match Sending::new(app, &signed.0, None).settle(command).await {
            Ok(_) => tries = 0,
            Err(error) if tries == TRIES => return Err(error),
            Err(_) => {
                tries += 1;
                let _ = tokio::time::timeout(NEWS, news.changed()).await;
            }
        }
    }
}

fn waits<'a>(records: &'a Records, channel: &ChannelCode) -> Option<(Version, &'a Recovering)> {
    records.of_kind("recovering").find_map(|(version, record)| match record {
        Record::Recovering(mark) if mark.channels.contains(channel) => Some((version, mark)),
        _ => None,
    })
}
