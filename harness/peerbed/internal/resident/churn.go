package resident

import (
	"context"
	"errors"
	"fmt"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/plan"
)

// longestChurn bounds what is drawn before a churn begins.
const longestChurn = 24 * time.Hour

// mostEvents is how many comings and goings one churn may have.
const mostEvents = 1_000_000

// churn plays the events of a plan, each a step of its own, so that other
// commands come between them. When ctx ends, it stops between two events; who
// is away then stays so.
func (r *Resident) churn(ctx context.Context, q Churn) (m Membership, err error) {
	p, facts, err := r.churning(q)
	if err != nil {
		return m, err
	}
	events, err := plan.Timeline(facts, p)
	if err != nil {
		return m, err
	}
	began := r.cluster.Now()
	for _, e := range append(events, plan.Event{At: q.For}) {
		if e.Do == plan.Away { // its clock starts when they have left
			err = r.play(ctx, e)
			began = r.cluster.Now()
		} else if err = r.until(ctx, began+e.At); err == nil && e.Do != "" {
			err = r.play(ctx, e)
		}
		if err != nil {
			break
		}
	}
	now := r.cluster.Now()
	m.Turnover, m.Seconds = r.cluster.Turnover(began, now), (now - began).Seconds()
	m.Asked = p.PerHour(facts)
	for i := range r.cluster.Size() {
		if !r.cluster.Up(i) {
			m.Away++
		}
	}
	return m, err
}

// churning makes the plan, and the facts that it is drawn from.
func (r *Resident) churning(q Churn) (p fault.Churn, f plan.Facts, err error) {
	if q.For <= 0 || q.For > longestChurn {
		return p, f, fmt.Errorf("-for %v: want more than 0 and at most %v", q.For, longestChurn)
	}
	if (q.Session == "") == (q.Turnover == 0) {
		return p, f, errors.New(`want one of -session LAW, such as "exponential(10m)", and -turnover PERCENT an hour`)
	}
	if p, err = q.plan(); err != nil {
		return p, f, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	f = plan.Facts{Seed: r.cluster.Seed() + uint64(r.churns), Nodes: r.cluster.Size(), For: q.For}
	r.churns++
	if n := p.PerHour(f) / 100 * q.For.Hours() * float64(f.Nodes); n > mostEvents {
		return p, f, fmt.Errorf("that is %.0f comings and goings: want %d at most, so a shorter -for or longer sessions", n, mostEvents)
	}
	return p, f, nil
}

// until lets time pass up to a moment of the cluster's clock.
func (r *Resident) until(ctx context.Context, at time.Duration) error {
	d := at - r.cluster.Now()
	if d <= 0 {
		return context.Cause(ctx)
	}
	sleep := func() error { return r.cluster.Sleep(ctx, d) }
	if r.cluster.About().Virtual {
		return r.change(ctx, "churn", sleep)
	}
	return sleep()
}

func (r *Resident) play(ctx context.Context, e plan.Event) error {
	return r.change(ctx, "churn", func() error {
		_, err := r.cluster.Play(e)
		return err
	})
}
