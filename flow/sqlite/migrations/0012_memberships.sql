-- The channels of an account are told by the index alone.
DROP INDEX channel_member_account;
CREATE INDEX channel_member_account ON channel_member (account, state);
