package flow

import "context"

// Provisioning is the group of calls by which a device of an account lets a new one in,
// without the password. The device that is there starts a rendezvous and shows its id; its
// person carries that over to the new device, which is let in as long as the first one
// waits for it in ProvisionNewDevice.
//
// Proposed: a rendezvous lets one device in and lasts ten minutes. It ends early when it is
// cancelled or another one is started on the session, when the session ends, and when the
// device is revoked or its account locked.
type Provisioning interface {
	StartD2DRendezvous(context.Context, Call, StartD2DRendezvousInput) (RendezvousID, error)
	ProvisionNewDevice(context.Context, Call, ProvisionNewDeviceInput) (Nothing, error)
	CreateDeviceFromD2D(context.Context, Call, CreateDeviceFromD2DInput) (Nothing, error)
	CancelRendezvous(context.Context, Call, CancelRendezvousInput) (Nothing, error)
}

// The rows of the group.
var (
	StartD2DRendezvous = define(AccountGroup, "StartD2DRendezvous", Sets,
		"Begin to let another machine into the account without the password. Returns a secret id: who has it gets the whole account. "+
			"Show it to nobody but the person whose account it is.", Engine.StartD2DRendezvous).secret()
	ProvisionNewDevice = define(AccountGroup, "ProvisionNewDevice", Writes,
		"Wait until the new machine has used the id of the rendezvous that was started, and let it in.", Engine.ProvisionNewDevice)
	CreateDeviceFromD2D = define(AccountGroup, "CreateDeviceFromD2D", Writes,
		"Add this machine as a device of an account by the id of a rendezvous that another device has started, and start it.",
		Engine.CreateDeviceFromD2D).starts().secret()
	CancelRendezvous = define(AccountGroup, "CancelRendezvous", Sets,
		"Cancel the rendezvous that was started, if there is one. Its id is of no use any more.", Engine.CancelRendezvous)
)

// RendezvousID is a secret: who has it can become a device of the account. Its encoding is
// proposed: 52 characters of base32, in which case, blanks and hyphens do not matter.
type RendezvousID string

// String hides the secret from logs.
func (RendezvousID) String() string { return "(a rendezvous id)" }

// StartD2DRendezvousInput has no parameters. Flow: StartD2DRendezvous. The session has one
// rendezvous at a time, so each call, also a repeated one, gives another id in place of the
// one before.
type StartD2DRendezvousInput struct{}

// ProvisionNewDeviceInput has no parameters. Flow: ProvisionNewDevice, which blocks until
// the new device exists or the rendezvous is cancelled. Proposed: then it is a conflict, as
// when the time is up; a call that is given up may be made again.
type ProvisionNewDeviceInput struct{}

// CreateDeviceFromD2DInput adds a device. Flow: CreateDeviceFromD2D. Proposed: it waits a
// few seconds for the other device to call ProvisionNewDevice.
type CreateDeviceFromD2DInput struct {
	RendezvousID RendezvousID `jsonschema_description:"Id that StartD2DRendezvous returned on the other device."`
	DeviceName   string       `jsonschema_description:"Label of the device." json:",omitzero"`
	Platform     string       `jsonschema_description:"Operating system." json:",omitzero"`
	OSRelease    string       `jsonschema_description:"Release of the operating system." json:",omitzero"`
}

// CancelRendezvousInput has no parameters. Flow: CancelRendezvous; it is no error when
// there is none.
type CancelRendezvousInput struct{}
