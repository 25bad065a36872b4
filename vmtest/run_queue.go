package vmtest

import (
	"context"
	"slices"
	"sync"
)

// queue hands out cells to workers. Cells of a variant whose first VM is still
// coming up are passed over: its snapshot is made once, and meanwhile other
// kernels boot.
type queue struct {
	mu      sync.Mutex
	changed *sync.Cond
	waiting []cell
	pending map[variant]bool // its first VM is coming up
	ready   map[variant]bool // its first VM has come up
	eager   bool             // nothing is shared, so nothing is waited for
}

func newQueue(cells []cell, eager bool) *queue {
	q := &queue{waiting: cells, pending: map[variant]bool{}, ready: map[variant]bool{}, eager: eager}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// take returns the next cell; false means that there are no more, or that the
// run is over. It waits while all that is left depends on a VM coming up: a
// worker that boots one calls up or down, also when the run is over.
func (q *queue) take(ctx context.Context) (cell, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for ctx.Err() == nil && len(q.waiting) > 0 {
		i := slices.IndexFunc(q.waiting, func(c cell) bool { return q.eager || !q.pending[c.variant()] })
		if i >= 0 {
			c := q.waiting[i]
			q.waiting = slices.Delete(q.waiting, i, i+1)
			q.pending[c.variant()] = !q.ready[c.variant()]
			return c, true
		}
		q.changed.Wait()
	}
	return cell{}, false
}

// up tells that a VM of the variant has come up.
func (q *queue) up(v variant) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ready[v], q.pending[v] = true, false
	q.changed.Broadcast()
}

// down tells that a VM of the variant has not come up. If none ever has, what
// waits for one is taken out of the queue and returned.
func (q *queue) down(v variant) []cell {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.changed.Broadcast()
	q.pending[v] = false
	if q.ready[v] {
		return nil
	}
	var dropped []cell
	q.waiting = slices.DeleteFunc(q.waiting, func(c cell) bool {
		if c.variant() == v {
			dropped = append(dropped, c)
		}
		return c.variant() == v
	})
	return dropped
}
