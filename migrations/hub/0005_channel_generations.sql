-- What a channel is known to know, and of which endpoint that is true.

-- Raised whenever everything is to be compared anew: what began before it does not count.
alter table channel_state add column generation bigint not null default 0;
-- The endpoint that was told; empty: none yet.
alter table channel_state add column endpoint text not null default '';
