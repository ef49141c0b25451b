package flow

import "context"

// AccountGroup holds accounts and their devices.
const AccountGroup Group = "accounts"

// Accounts is the group of calls about the own account and its devices.
type Accounts interface {
	CreateAccount(context.Context, Call, CreateAccountInput) (Nothing, error)
	CreateDevice(context.Context, Call, CreateDeviceInput) (Device, error)
	ConfirmEmail(context.Context, Call, ConfirmEmailInput) (Nothing, error)
	EnumerateLocalAccounts(context.Context, Call, EnumerateLocalAccountsInput) ([]AccountIdentifier, error)
	AccountID(context.Context, Call, AccountIDInput) (AccountID, error)
	Identifier(context.Context, Call, IdentifierInput) (AccountIdentifier, error)
	DeviceID(context.Context, Call, DeviceIDInput) (DeviceID, error)
	GetDevices(context.Context, Call, GetDevicesInput) ([]Device, error)
	SetDeviceName(context.Context, Call, SetDeviceNameInput) (Nothing, error)
	SetDeviceAuthorized(context.Context, Call, SetDeviceAuthorizedInput) (Nothing, error)
	ChangeUsername(context.Context, Call, ChangeUsernameInput) (Nothing, error)
	ChangePassword(context.Context, Call, ChangePasswordInput) (Nothing, error)
	SetAccountLock(context.Context, Call, SetAccountLockInput) (Nothing, error)
}

// The rows of the group.
var (
	CreateAccount = define(AccountGroup, "CreateAccount", Writes,
		"Create an account with its first device on this machine and start it on the session.", Engine.CreateAccount).starts().secret()
	CreateDevice = define(AccountGroup, "CreateDevice", Writes,
		"Add this machine as a device of an existing account, by its password (recovery key), and start it.", Engine.CreateDevice).starts().secret()
	ConfirmEmail = define(AccountGroup, "ConfirmEmail", Sets,
		"Ask for a confirmation code by e-mail before a user name that is an address is taken. No mail is sent and no code is needed.",
		Engine.ConfirmEmail).needs(NeedsSession).neutral("There is no mail server behind it: it sends nothing, and no operation looks at the code.")
	EnumerateLocalAccounts = define(AccountGroup, "EnumerateLocalAccounts", Reads,
		"List the accounts that have a device on this machine; the first is the default.", Engine.EnumerateLocalAccounts).needs(NeedsNothing)
	GetAccountID = define(AccountGroup, "AccountId", Reads,
		"Get the id of the own account.", Engine.AccountID)
	Identifier = define(AccountGroup, "Identifier", Reads,
		"Get the user name and server of the own account.", Engine.Identifier)
	GetDeviceID = define(AccountGroup, "DeviceId", Reads,
		"Get the id of the device in use.", Engine.DeviceID)
	GetDevices = define(AccountGroup, "GetDevices", Reads,
		"List all devices of the own account.", Engine.GetDevices)
	SetDeviceName = define(AccountGroup, "SetDeviceName", Sets,
		"Rename the device in use.", Engine.SetDeviceName)
	SetDeviceAuthorized = define(AccountGroup, "SetDeviceAuthorized", Destroys,
		"Authorise or revoke one of the account's devices. A revoked device can do nothing any more, nor be started.", Engine.SetDeviceAuthorized)
	ChangeUsername = define(AccountGroup, "ChangeUsername", Sets,
		"Rename the own account; everybody who shares a team is told.", Engine.ChangeUsername)
	ChangePassword = define(AccountGroup, "ChangePassword", Sets,
		"Set a new password (recovery key) for the own account. Its devices stay what they are.", Engine.ChangePassword).secret()
	SetAccountLock = define(AccountGroup, "SetAccountLock", Destroys,
		"Lock an account of this machine so that it can do nothing, or unlock it; for owners of the machine's team, and for directory accounts.", Engine.SetAccountLock)
)

// AccountIdentifier is the name of an account. Flow: AccountIdentifier; the spelling of
// serverURI is proposed.
type AccountIdentifier struct {
	Username  string `json:"username" jsonschema_description:"User name."`
	ServerURI string `json:"serverURI" jsonschema_description:"Name space of the user name."`
}

// Device is a device of an account. Flow: Device, all fields proposed.
type Device struct {
	ID           DeviceID  `json:"id" jsonschema_description:"Device id."`
	AccountID    AccountID `json:"accountId" jsonschema_description:"Owner."`
	Name         string    `json:"name" jsonschema_description:"Label."`
	Authorized   bool      `json:"authorized" jsonschema_description:"Whether the device may be started."`
	Platform     string    `json:"platform" jsonschema_description:"Operating system, as given at creation."`
	OSRelease    string    `json:"osRelease" jsonschema_description:"Release of it, as given at creation."`
	CreationTime int64     `json:"creationTime" jsonschema_description:"When it was made, in milliseconds since 1970 UTC."`
}

// CreateAccountInput makes an account. Flow: CreateAccount.
type CreateAccountInput struct {
	PhoneNumber      string `jsonschema_description:"Unique per account; made up when empty." json:",omitzero"`
	DeviceName       string `jsonschema_description:"Label of the first device." json:",omitzero"`
	Username         string `jsonschema_description:"User name, free text without blanks at its ends."`
	ServerURI        string `jsonschema_description:"Name space of the user name." json:",omitzero"`
	Platform         string `jsonschema_description:"Operating system." json:",omitzero"`
	OSRelease        string `jsonschema_description:"Release of the operating system." json:",omitzero"`
	Password         string `jsonschema_description:"Secret of the account, at least 8 characters, by which further devices are added."`
	TotpVerifier     string `jsonschema_description:"Opaque." json:",omitzero"`
	EmailConfirmCode string `jsonschema_description:"Code from ConfirmEmail; not looked at." json:",omitzero"`
	NotifyToken      string `jsonschema_description:"Push token of the device; not used here." json:",omitzero"`
}

// CreateDeviceInput adds a device. Flow: CreateDevice.
type CreateDeviceInput struct {
	Username   string `jsonschema_description:"User name of the existing account."`
	ServerURI  string `jsonschema_description:"Name space of the user name." json:",omitzero"`
	DeviceName string `jsonschema_description:"Label of the device." json:",omitzero"`
	Password   string `jsonschema_description:"Secret of the account."`
	Platform   string `jsonschema_description:"Operating system." json:",omitzero"`
	OSRelease  string `jsonschema_description:"Release of the operating system." json:",omitzero"`
}

// ConfirmEmailInput is the user name to be confirmed. Flow: ConfirmEmail, which mails a
// code. The engines of this project have no mail server: they check that the name can be
// one, answer null and do nothing, and CreateAccount and ChangeUsername take any code.
type ConfirmEmailInput struct {
	Username  string `jsonschema_description:"User name, an e-mail address."`
	ServerURI string `jsonschema_description:"Name space of the user name." json:",omitzero"`
}

// EnumerateLocalAccountsInput has no parameters.
type EnumerateLocalAccountsInput struct{}

// AccountIDInput has no parameters.
type AccountIDInput struct{}

// IdentifierInput has no parameters.
type IdentifierInput struct{}

// DeviceIDInput has no parameters.
type DeviceIDInput struct{}

// GetDevicesInput has no parameters.
type GetDevicesInput struct{}

// SetDeviceNameInput renames the device in use. Flow: SetDeviceName.
type SetDeviceNameInput struct {
	Name string `jsonschema_description:"New label, 1 to 200 characters."`
}

// SetDeviceAuthorizedInput authorises or revokes a device. Flow: SetDeviceAuthorized;
// proposed: sessions of a revoked device are refused at once and go on where they were
// when it is authorised again, and the last device of an account without a password
// stays, since there would be no way back.
type SetDeviceAuthorizedInput struct {
	DeviceID   DeviceID `jsonschema_description:"Device id, from GetDevices."`
	Authorized bool     `jsonschema_description:"True to authorise, false to revoke."`
}

// ChangeUsernameInput renames the account. Flow: ChangeUsername; it lifts an LDAP lock.
// Others learn of it by a [ProfileEvent]; source: proposed.
type ChangeUsernameInput struct {
	Username         string `jsonschema_description:"The new user name."`
	Password         string `jsonschema_description:"Current secret of the account; may be empty when the account never had one." json:",omitzero"`
	EmailConfirmCode string `jsonschema_description:"Code from ConfirmEmail; not looked at." json:",omitzero"`
}

// ChangePasswordInput sets a new secret. Flow: ChangePassword; the old one is not asked
// for. It is for devices to come: sessions and devices that there are stay.
type ChangePasswordInput struct {
	NewPassword string `jsonschema_description:"New secret of the account, at least 8 characters."`
}

// AccountLock says what a locked account cannot do.
type AccountLock int

// The locks of Flow. What a locked account may not do is proposed; a session that is
// refused goes on where it was when the lock is lifted, and loses no notification.
const (
	// Unlocked is no lock.
	Unlocked AccountLock = iota
	// FullLock refuses everything, also to start the account.
	FullLock
	// LDAPLock refuses everything but what leads out of it: to start the account, to ask
	// who it is, and to rename it or link it to the directory that claims its name.
	LDAPLock
)

// SetAccountLockInput locks or unlocks an account. Flow: SetAccountLock, for the directory
// account that manages the account; to one that it does not manage, but whose name is of its
// domain, see [LDAP], it may give the LDAP lock only.
// Proposed: an owner of a machine's own team may lock other accounts that have all their
// devices on that machine.
type SetAccountLockInput struct {
	Username  string      `jsonschema_description:"User name of the account."`
	ServerURI string      `jsonschema_description:"Name space of the user name." json:",omitzero"`
	LockType  AccountLock `jsonschema_description:"0 unlocks, 1 locks fully, 2 is the LDAP lock: the account must be renamed or linked." jsonschema:"minimum=0,maximum=2"`
}
