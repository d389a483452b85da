-- Channels: what each is to be told, what it confirmed, what it sent. No commands: these rows
-- change without a version (DESIGN.md section 1). Only text and bigint columns.

-- How a channel is doing. Everything up to `cursor` has been looked at for it.
create table channel_state (
    channel       text   not null primary key,
    epoch         bigint not null,
    cursor        bigint not null,
    swept_at      bigint not null,
    -- Attempts that failed since the last that did not, and since when.
    failures      bigint not null,
    failing_since bigint not null,
    -- Nothing is sent before this time.
    closed_until  bigint not null,
    last_ok_at    bigint not null,
    last_result   text   not null
);

-- What a channel knows of an item: the figure that it was told last, or is about to be, and the
-- one that it confirmed last. Empty: nothing is known.
create table channel_shadow (
    channel         text   not null,
    item            bigint not null,
    told            text   not null,
    confirmed       text   not null,
    -- Units of the confirmed figure; -1 when there is none.
    confirmed_total bigint not null,
    confirmed_at    bigint not null,
    primary key (channel, item)
) /* sqlite: without rowid */;

-- What is to be said, until it is confirmed, and for a while after that.
create table delivery (
    id       text   not null primary key,
    channel  text   not null,
    kind     text   not null,
    -- 0 when it is about no item.
    item     bigint not null,
    subject  text   not null,
    message  text   not null,
    -- The figure in it, to be compared; empty when it has none.
    figure   text   not null,
    total    bigint not null,
    -- 0 a zero, 1 what cannot wait, 2 what can.
    rank     bigint not null,
    made_at  bigint not null,
    due_at   bigint not null,
    attempts bigint not null,
    -- waiting, sent, replaced, failed
    state    text   not null,
    ended_at bigint not null
);
create unique index delivery_waiting on delivery (channel, item) where state = 'waiting' and item > 0;
create index delivery_due on delivery (channel, rank, due_at, id) where state = 'waiting';
create index delivery_ended on delivery (ended_at) where state <> 'waiting';
create index delivery_channel on delivery (channel, made_at, id);

create table delivery_attempt (
    delivery text   not null,
    number   bigint not null,
    at       bigint not null,
    -- answered, timed_out, not_connected, not_allowed, cut, unknown
    result   text   not null,
    -- Of HTTP; 0 without an answer.
    status   bigint not null,
    took_ms  bigint not null,
    primary key (delivery, number)
) /* sqlite: without rowid */;

-- What a channel sent, by the id that it chose: one effect however often it comes.
create table channel_inbox (
    channel     text   not null,
    event       text   not null,
    kind        text   not null,
    subject     text   not null,
    -- Nothing after a while.
    body        text,
    -- received, worked, ignored
    state       text   not null,
    received_at bigint not null,
    primary key (channel, event)
) /* sqlite: without rowid */;
create index channel_inbox_open on channel_inbox (received_at) where state = 'received';
create index channel_inbox_old on channel_inbox (received_at);

create table channel_order (
    channel     text   not null,
    id          text   not null,
    -- placed, accepted, refused, cancelled
    state       text   not null,
    -- What was decided to be served from where, before it was asked for.
    lines       text   not null,
    reservation text   not null,
    code        text   not null,
    detail      text   not null,
    placed_at   bigint not null,
    changed_at  bigint not null,
    primary key (channel, id)
) /* sqlite: without rowid */;
create index channel_order_changed on channel_order (channel, changed_at, id);
