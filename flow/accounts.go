package flow

import "context"

// AccountGroup holds accounts and their devices.
const AccountGroup Group = "accounts"

// Accounts is the group of calls about the own account and its devices.
type Accounts interface {
	CreateAccount(context.Context, Call, CreateAccountInput) (Nothing, error)
	CreateDevice(context.Context, Call, CreateDeviceInput) (Device, error)
	EnumerateLocalAccounts(context.Context, Call, EnumerateLocalAccountsInput) ([]AccountIdentifier, error)
	AccountID(context.Context, Call, AccountIDInput) (AccountID, error)
	Identifier(context.Context, Call, IdentifierInput) (AccountIdentifier, error)
	DeviceID(context.Context, Call, DeviceIDInput) (DeviceID, error)
	GetDevices(context.Context, Call, GetDevicesInput) ([]Device, error)
	SetDeviceName(context.Context, Call, SetDeviceNameInput) (Nothing, error)
	SetDeviceAuthorized(context.Context, Call, SetDeviceAuthorizedInput) (Nothing, error)
	ChangeUsername(context.Context, Call, ChangeUsernameInput) (Nothing, error)
	ChangePassword(context.Context, Call, ChangePasswordInput) (Nothing, error)
}

// The rows of the group.
var (
	CreateAccount = define(AccountGroup, "CreateAccount", Writes,
		"Create an account with its first device on this machine and start it on the session.", Engine.CreateAccount)
	CreateDevice = define(AccountGroup, "CreateDevice", Writes,
		"Add this machine as a device of an existing account, by its password (recovery key), and start it.", Engine.CreateDevice)
	EnumerateLocalAccounts = define(AccountGroup, "EnumerateLocalAccounts", Reads,
		"List the accounts that have a device on this machine; the first is the default.", Engine.EnumerateLocalAccounts)
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
	SetDeviceAuthorized = define(AccountGroup, "SetDeviceAuthorized", Sets,
		"Authorise or revoke one of the account's devices. A revoked device can no longer be started.", Engine.SetDeviceAuthorized)
	ChangeUsername = define(AccountGroup, "ChangeUsername", Sets,
		"Rename the own account.", Engine.ChangeUsername)
	ChangePassword = define(AccountGroup, "ChangePassword", Sets,
		"Set a new password (recovery key) for the own account.", Engine.ChangePassword)
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
	Password         string `jsonschema_description:"Secret of the account, by which further devices are added."`
	TotpVerifier     string `jsonschema_description:"Opaque." json:",omitzero"`
	EmailConfirmCode string `jsonschema_description:"Code from ConfirmEmail; not needed here." json:",omitzero"`
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

// SetDeviceAuthorizedInput authorises or revokes a device. Flow: SetDeviceAuthorized.
type SetDeviceAuthorizedInput struct {
	DeviceID   DeviceID `jsonschema_description:"Device id, from GetDevices."`
	Authorized bool     `jsonschema_description:"True to authorise, false to revoke."`
}

// ChangeUsernameInput renames the account. Flow: ChangeUsername.
type ChangeUsernameInput struct {
	Username         string `jsonschema_description:"The new user name."`
	Password         string `jsonschema_description:"Current secret of the account; may be empty when the account never had one." json:",omitzero"`
	EmailConfirmCode string `jsonschema_description:"Code from ConfirmEmail; not needed here." json:",omitzero"`
}

// ChangePasswordInput sets a new secret. Flow: ChangePassword; the old one is not asked for.
type ChangePasswordInput struct {
	NewPassword string `jsonschema_description:"New secret of the account, at least 8 characters."`
}
