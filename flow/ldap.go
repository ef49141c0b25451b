package flow

import "context"

// LDAPGroup holds accounts that a company's directory manages.
const LDAPGroup Group = "ldap"

// LDAP is the group of calls about directory integration. An owner or admin of a team
// claims a domain and gets its domain management key (DMK). With it a program makes the
// directory account (DMA) of the domain, which asks to join the team and can do nothing
// before it is an admin there. From then on it manages the accounts whose user names end
// in @ and the domain: it sets them up, locks them, and says whether a directory password
// is right. To accounts that others have made it can do no more than give the LDAP lock. How
// a DMK is tied to a team and a domain is proposed.
//
// A directory password is encrypted for the key ring of the DMA (an anonymous NaCl box for
// the X25519 form of its Ed25519 key) where it is given, and only the DMA's own sessions
// are told it, in [LDAPBindRequestEvent]. Until the DMA answers or time is up it lies in
// the store in that form, and nowhere afterwards. A machine gives passwords only to a key
// that it was told to trust with FetchLDAPPublicKey.
type LDAP interface {
	ClaimDomain(context.Context, Call, ClaimDomainInput) (string, error)
	CreateDMAccount(context.Context, Call, CreateDMAccountInput) (DMAccount, error)
	SetupLDAPAccount(context.Context, Call, SetupLDAPAccountInput) (LDAPAccount, error)
	LDAPBindResponse(context.Context, Call, LDAPBindResponseInput) (Nothing, error)
	LinkLDAPAccount(context.Context, Call, LDAPBindResponseInput) (string, error)
	CreateLDAPDevice(context.Context, Call, CreateLDAPDeviceInput) (Device, error)
	LinkToLDAP(context.Context, Call, LinkToLDAPInput) (Nothing, error)
	LDAPed(context.Context, Call, LDAPedInput) (bool, error)
	FetchLDAPPublicKey(context.Context, Call, FetchLDAPPublicKeyInput) (string, error)
	UntrustLDAPPublicKey(context.Context, Call, UntrustLDAPPublicKeyInput) (Nothing, error)
}

// The rows of the group. What makes up or takes a secret is for programs, not for models.
var (
	ClaimDomain = define(LDAPGroup, "ClaimDomain", Writes,
		"Claim the domain of user names for a team and get the key that makes its directory account. A new key replaces the one before.",
		Engine.ClaimDomain).secret()
	CreateDMAccount = define(LDAPGroup, "CreateDMAccount", Writes,
		"Create the directory account of a domain, as which the program of the directory runs, and start it on the session.",
		Engine.CreateDMAccount).starts().secret()
	SetupLDAPAccount = define(LDAPGroup, "SetupLDAPAccount", Writes,
		"Create the account of a directory user; for directory accounts. Fails with 'Duplicate entry' when the name is taken.",
		Engine.SetupLDAPAccount).secret()
	LDAPBindResponse = define(LDAPGroup, "LDAPBindResponse", Sets,
		"Say that the directory password of a device request was right; for directory accounts. A wrong one is not answered.",
		Engine.LDAPBindResponse).secret()
	LinkLDAPAccount = define(LDAPGroup, "LinkLDAPAccount", Sets,
		"Say that the directory password of a link request was right, and get the account's new password; for directory accounts.",
		Engine.LinkLDAPAccount).secret()
	CreateLDAPDevice = define(LDAPGroup, "CreateLDAPDevice", Writes,
		"Add this machine as a device of an account that a directory manages, by the directory password, and start it. "+
			"Blocks until the directory has said that it is right.", Engine.CreateLDAPDevice).starts().secret()
	LinkToLDAP = define(LDAPGroup, "LinkToLDAP", Sets,
		"Put the own account under the directory of its name, by the directory password. Blocks until the directory has said that it is right.",
		Engine.LinkToLDAP).secret()
	LDAPed = define(LDAPGroup, "LDAPed", Reads,
		"Tell whether a directory manages the own account.", Engine.LDAPed)
	FetchLDAPPublicKey = define(LDAPGroup, "FetchLDAPPublicKey", Sets,
		"Get the public key of the directory that a user name belongs to, and trust it on this machine when the fingerprint is right.",
		Engine.FetchLDAPPublicKey).needs(NeedsSession)
	UntrustLDAPPublicKey = define(LDAPGroup, "UntrustLDAPPublicKey", Sets,
		"Trust the key of the directory that a user name belongs to no more on this machine.", Engine.UntrustLDAPPublicKey).needs(NeedsSession)
)

// LDAPBindRequestEvent is sent to the sessions of a directory account, by
// WaitForNotification only: EnumerateEvents leaves it out, as no log should hold a
// password. It is not sent any more once the request was answered or is over.
var LDAPBindRequestEvent = announce[LDAPBindRequest]("ldap-bind-request",
	"A directory password is to be checked: somebody adds a device or links an account. For directory accounts.")

// LDAPBindRequest is a directory password to check. Flow: ldap-bind-request. That it ends
// after half a minute, or when who asked goes away, is proposed.
type LDAPBindRequest struct {
	Username            string `json:"username" jsonschema_description:"User name, an e-mail address."`
	Password            string `json:"password" jsonschema_description:"Directory password to check."`
	SecureExchangeToken string `json:"secureExchangeToken" jsonschema_description:"Names the request; the answer repeats it."`
	Level2Secret        string `json:"level2Secret" jsonschema_description:"Empty for a new device; for an account to link, the secret to keep and to answer with."`
}

// ClaimDomainInput names a domain of user names. Source: proposed by this project, since
// Flow has the service's web page for it. Within a store there is nobody to prove to that
// one owns a domain: who claims it first has it, until an owner of the team of the store's
// own machine claims it for a team of theirs.
type ClaimDomainInput struct {
	OrgID     OrgID  `jsonschema_description:"Team."`
	Domain    string `jsonschema_description:"What stands behind the @ of its user names, such as example.com."`
	ServerURI string `jsonschema_description:"Name space of the user names." json:",omitzero"`
}

// CreateDMAccountInput makes a directory account. Flow: CreateDMAccount.
type CreateDMAccountInput struct {
	PhoneNumber  string `jsonschema_description:"Unique per account; made up when empty." json:",omitzero"`
	DeviceName   string `jsonschema_description:"Label of the first device." json:",omitzero"`
	Username     string `jsonschema_description:"User name; made up when empty." json:",omitzero"`
	ServerURI    string `jsonschema_description:"Name space of the user name." json:",omitzero"`
	Platform     string `jsonschema_description:"Operating system." json:",omitzero"`
	OSRelease    string `jsonschema_description:"Release of the operating system." json:",omitzero"`
	Password     string `jsonschema_description:"Secret of the account, at least 8 characters; made up when empty." json:",omitzero"`
	TotpVerifier string `jsonschema_description:"Opaque." json:",omitzero"`
	DMK          string `jsonschema_description:"Domain management key, from ClaimDomain; it makes one account."`
	NotifyToken  string `jsonschema_description:"Push token of the device; not used here." json:",omitzero"`
}

// DMAccount is a new directory account. Flow: DMAccount.
type DMAccount struct {
	Username string `json:"username" jsonschema_description:"User name."`
	Password string `json:"password" jsonschema_description:"Password, by which further devices are added."`
	OrgID    OrgID  `json:"orgId" jsonschema_description:"Team of the domain, which the account has to join."`
}

// SetupLDAPAccountInput names a directory user. Flow: SetupLDAPAccount. The account has no
// device; the user name must be of the directory account's domain.
type SetupLDAPAccountInput struct {
	PhoneNumber  string `jsonschema_description:"Unique per account; made up when empty." json:",omitzero"`
	Username     string `jsonschema_description:"E-mail address of the directory user."`
	ServerURI    string `jsonschema_description:"Name space of the user name." json:",omitzero"`
	TotpVerifier string `jsonschema_description:"Opaque." json:",omitzero"`
}

// LDAPAccount is what a directory account keeps of an account. Flow: LDAPAccount.
type LDAPAccount struct {
	Password     string `json:"password" jsonschema_description:"Password that was made up, 32 characters."`
	Level2Secret string `json:"level2Secret" jsonschema_description:"Secret to answer device requests with, base64 of 44 characters."`
}

// LDAPBindResponseInput answers a request. Flow: LDAPBindResponse and LinkLDAPAccount,
// which have the same parameters. The level-2 secret proves that the program is the one
// that set the account up; this engine compares it with what it knows of it and does not
// pass it on, since no device of it needs one to read with.
type LDAPBindResponseInput struct {
	Username            string `jsonschema_description:"User name, as in the request."`
	ServerURI           string `jsonschema_description:"Name space of the user name." json:",omitzero"`
	SecureExchangeToken string `jsonschema_description:"Token of the request."`
	Level2Secret        string `jsonschema_description:"Secret from SetupLDAPAccount or, for a request to link, from the request."`
}

// CreateLDAPDeviceInput adds a device by a directory password. Flow: CreateLDAPDevice. It
// fails with Denied when the directory has not answered in half a minute: it says nothing
// to a wrong password.
type CreateLDAPDeviceInput struct {
	Username     string `jsonschema_description:"User name of the account."`
	ServerURI    string `jsonschema_description:"Name space of the user name." json:",omitzero"`
	DeviceName   string `jsonschema_description:"Label of the device." json:",omitzero"`
	LDAPPassword string `jsonschema_description:"The user's directory password."`
	Platform     string `jsonschema_description:"Operating system." json:",omitzero"`
	OSRelease    string `jsonschema_description:"Release of the operating system." json:",omitzero"`
}

// LinkToLDAPInput puts the own account under its directory. Flow: LinkToLDAP. It gives the
// account a new password, which only the directory account knows, and ends an LDAP lock.
type LinkToLDAPInput struct {
	LDAPPassword string `jsonschema_description:"The user's directory password."`
}

// LDAPedInput has no parameters.
type LDAPedInput struct{}

// FetchLDAPPublicKeyInput says whose key to trust. Flow: FetchLDAPPublicKey. That the
// result is the key in base32, of which the fingerprint is the [Fingerprint], is proposed,
// and so is that the machine trusts it from then on, until the directory account has
// another key ring.
type FetchLDAPPublicKeyInput struct {
	Username    string `jsonschema_description:"A user name of the directory's domain."`
	ServerURI   string `jsonschema_description:"Name space of the user name." json:",omitzero"`
	Fingerprint string `jsonschema_description:"Fingerprint of the directory's key ring, 52 characters, from whoever runs it."`
}

// UntrustLDAPPublicKeyInput says whose key not to trust. Flow: UntrustLDAPPublicKey.
type UntrustLDAPPublicKeyInput struct {
	Username  string `jsonschema_description:"A user name of the directory's domain."`
	ServerURI string `jsonschema_description:"Name space of the user name." json:",omitzero"`
}
