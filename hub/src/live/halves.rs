//! A line made of two halves: what is said comes out of a stream, what is told goes into a sink.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink, SinkExt, Stream, StreamExt};

use super::Text;

/// See the module.
#[derive(Debug)]
pub struct Halves<I, O>(pub I, pub O);

impl<I: Stream<Item = String> + Unpin, O: Unpin> Stream for Halves<I, O> {
    type Item = String;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<String>> {
        self.0.poll_next_unpin(cx)
    }
}

impl<I: Unpin, O: Sink<Text> + Unpin> Sink<Text> for Halves<I, O> {
    type Error = O::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), O::Error>> {
        self.1.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, text: Text) -> Result<(), O::Error> {
        self.1.start_send_unpin(text)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), O::Error>> {
        self.1.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), O::Error>> {
        self.1.poll_close_unpin(cx)
    }
}
