package flow

import (
	"context"
	"sync"
)

// delivery carries the news whether a reply has arrived from who sends it to who made it.
type delivery struct {
	mu   sync.Mutex
	tell []func(arrived bool)
}

type deliveryKey struct{}

// WithDelivery returns a context for one call, and a function that has to be called when
// its reply has been taken by the other end, or was lost on the way. What is lost inside of
// the other end nobody knows.
func WithDelivery(ctx context.Context) (_ context.Context, delivered func(arrived bool)) {
	d := &delivery{}
	return context.WithValue(ctx, deliveryKey{}, d), func(arrived bool) {
		d.mu.Lock()
		tell := d.tell
		d.mu.Unlock()
		for _, one := range tell {
			one(arrived)
		}
	}
}

// AfterDelivery is how who answers a call hears what has become of its reply. It reports
// false when nobody is going to say.
func AfterDelivery(ctx context.Context, tell func(arrived bool)) bool {
	d, ok := ctx.Value(deliveryKey{}).(*delivery)
	if !ok {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tell = append(d.tell, tell)
	return true
}
