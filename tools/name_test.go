package tools

import "testing"

func TestNames(t *testing.T) {
	tests := []struct{ in, snake, title, reference string }{
		{"SendMessage", "send_message", "Send message", "send_message"},
		{"GetPeerFromID", "get_peer_from_id", "Get peer from ID", "get_peer_from"},
		{"AccountId", "account_id", "Account ID", "account"},
		{"SetChannelReadHWM", "set_channel_read_hwm", "Set channel read HWM", "set_channel_read_hwm"},
		{"EnumerateOrgs", "enumerate_orgs", "List teams", "enumerate_orgs"},
		{"LDAPed", "ldaped", "Ldaped", "ldaped"},
		{"LinkToLDAP", "link_to_ldap", "Link to LDAP", "link_to_ldap"},
		{"FetchLDAPPublicKey", "fetch_ldap_public_key", "Fetch LDAP public key", "fetch_ldap_public_key"},
		{"OrgID", "org_id", "Team ID", "org"},
		{"MemberAccountID", "member_account_id", "Member account ID", "member"},
		{"senderAccountId", "sender_account_id", "Sender account ID", "sender"},
		{"OrgHashID", "org_hash_id", "Team hash ID", "org"},
		{"ChannelHashIDs", "channel_hash_ids", "Channel hash ids", "channels"},
		{"messageIds", "message_ids", "Message ids", "messages"},
		{"PushNotifyAccountIDs", "push_notify_account_ids", "Push notify account ids", "push_notify"},
		{"ID", "id", "ID", "id"},
		{"serverURI", "server_uri", "Server URI", "server_uri"},
		{"OSRelease", "os_release", "Os release", "os_release"},
		{"GraphQL", "graphql", "Graphql", "graphql"},
		{"CreateDeviceFromD2D", "create_device_from_d2d", "Create device from D2D", "create_device_from_d2d"},
		{"StartD2DRendezvous", "start_d2d_rendezvous", "Start D2D rendezvous", "start_d2d_rendezvous"},
		{"Level2Secret", "level2_secret", "Level2 secret", "level2_secret"},
		{"snake_case", "snake_case", "Snake case", "snake_case"},
	}
	for _, test := range tests {
		if got := snake(test.in); got != test.snake {
			t.Errorf("snake(%q) = %q, want %q", test.in, got, test.snake)
		}
		if got := title(test.in); got != test.title {
			t.Errorf("title(%q) = %q, want %q", test.in, got, test.title)
		}
		if got := referenceName(test.in); got != test.reference {
			t.Errorf("referenceName(%q) = %q, want %q", test.in, got, test.reference)
		}
	}
	for _, name := range []string{"ChannelID", "channel_id", "channelId", "Channel", "channel"} {
		if got := loose(name); got != "channel" {
			t.Errorf("loose(%q) = %q, want channel", name, got)
		}
	}
}
