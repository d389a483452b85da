-- What a channel sent and the hub could not write down yet: it holds up its own channel, in order,
-- until `due_at`, and after so many tries somebody has to look at it.

-- Tries that failed; state is received, worked, ignored or failed.
alter table channel_inbox add column tries bigint not null default 0;
-- Nothing of its channel is worked off before.
alter table channel_inbox add column due_at bigint not null default 0;
create index channel_inbox_held on channel_inbox (channel, due_at) where state = 'received';
create index channel_inbox_failed on channel_inbox (channel, subject) where state = 'failed';
