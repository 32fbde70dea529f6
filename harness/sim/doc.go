// Package sim is the world that lies in one process: virtual time, links made
// of arithmetic, and one seed that everything follows from. The same Protocol
// values that run in containers run here unchanged, many thousand times faster
// than real time, and bit for bit the same in every run and on every machine.
//
//	w := sim.New(sim.Config{Seed: 7, Strict: true})
//	for i := range 20 {
//		w.Spawn(harness.Spec{Index: i, Protocol: chord.Protocol})
//	}
//	w.Run(time.Minute)
//	w.Do(sim.Addr(3), p2p.Find{Name: "song"}, func(o harness.Outcome) { ... })
//	w.Crash(sim.Addr(5))
//	w.RunUntil(settled, time.Minute)
//
// A World is the engine; Open wraps it as a harness.Backend, so that an
// experiment runs here by asking for -backend sim.
//
// # What repeats
//
// Events happen in the order of their time, and those of one time in the order
// in which they were made. Each node draws from a stream of its own (a PCG of
// its seed, its index and the number of its life), the links draw from another;
// all draws are integers. Nothing else is random: so the same seed, the same
// nodes and the same calls give the same events, and Hash, which runs over all
// of them, says so in one number. Strict, Poison, NoRecycle, Trace, Bytes
// and Watch change no event and no hash.
//
// # What links do
//
// Delay, jitter, loss and bandwidth are linkmodel's. Where no model is asked
// for, a link is Usual: 10 to 30 ms, drawn anew for each message, so that
// datagrams overtake one another. A datagram is dropped if it is longer than
// p2p.MaxDatagram, lost by the model, cut off when it is sent, or if nobody
// listens where it arrives.
//
// A stream opens in one round trip; what is sent before Up leaves at Up. It
// then carries each message in its time and keeps their order. A message counts
// as queued, for Full, until it has arrived, as under a window that large.
//
// A node's access line (linkmodel.Access) is taken by streams one message at a
// time, so that they share it; what arrives goes over the receiver's line when
// it gets there. Drops are loss of the model. The first segment of a stream that
// is dialled to a node behind a firewall is lost until the wall falls.
//
// A cut stalls the direction that is cut; after heal it resumes. While either
// direction is cut no acknowledgement would come back, so after p2p.Silence
// both ends hear Down with ErrSilent. (Data still flows in the open direction
// until then; the window that would stop it is not modelled.)
//
// # How streams begin and end
//
// The acceptor's Accept is called with nothing, then with one byte more each
// time, up to 8. Only the first bytes of a stream are encoded for it, no other
// message is (but in strict mode). If Accept refuses, or does not know at 8, the
// acceptor's Node hears nothing at all, and the dialler, which may have heard
// Up, hears Down with an error that wraps ErrReset. Where nobody listens it hears
// ErrRefused, after one round trip; a node that has vanished does not even
// refuse, and the dialler hears ErrSilent.
//
// Close lets the other side hear Down{nil} after all data; so does the end of a
// node after Leave. Crash resets every stream that is open: the others hear
// ErrReset one link delay later, and what was under way is lost. Vanish lets
// them hear ErrSilent after p2p.Silence, or ErrReset as soon as the node is
// back.
//
// # Pause
//
// A paused node hears nothing and fires nothing. What others send to it waits
// at its door, datagrams without limit; of a stream it counts as queued where it
// came from. Streams do not fall silent, for a kernel would acknowledge, and a
// stream that is dialled comes up. On Resume the node hears all of it at once, in
// order, and its timers that are overdue fire.
//
// # Content
//
// No bulk byte exists here. Every byte that Publish could ever make has a number
// (Content.Origin), a blob is a list of ranges of such numbers, and Disk.Sum
// feeds the hash it was given with what identifies these bytes (seed and size of
// the blob they were made for, offset in it, length) in place of the bytes. So
// the same content sums equal wherever its pieces came from, anything else does
// not, and no sum equals that of a real world.
//
// # What makes it fast
//
// A run of many nodes waits for memory more than it works, so that what lies
// where matters most. What was tried, and what it brought, is measured with
// BenchmarkW1 of package chord (a static ring at 1 000 and at 100 000 nodes, CPU
// time per event, on a machine that others used too: compare the lines with one
// another, and not with other machines):
//
//   - A heap of events that held pointers to jobs of 130 bytes, a host of 2 KB with
//     32 bytes for each kind of message: 674 and 3173 ns, 10.9 KB a node.
//   - The queue a wheel of slots, events of 32 bytes without pointers, and what
//     an event has to do with (load) in a list that is reused; hosts side by side,
//     the counts of those kinds that are used; the hash without the Event that a
//     trace shows; Chord's unused parts made on demand, no garbage on the way of a
//     lookup: 304 and 1396 ns, 2.7 KB.
//   - Reading ahead (ahead.go), by plain loads: 1206 ns at 100 000 nodes, of 1396;
//     alone it brought nothing, until what lay behind another pointer was taken
//     away (the sender's host, the address table, the successor list) or read
//     ahead too (p2p.Scout). Below some thousand nodes it costs more than it
//     brings, and is left out.
//   - The lowest level of the wheel with 2048 slots, so that most messages are
//     moved once less: within the noise at both sizes. Loads filled in field by
//     field: the same.
//   - Finger tables no larger than need be, and less left over from setting up:
//     1.9 KB a node, 1158 ns.
//   - Not tried: prefetch instructions, two cores for one world. (Many seeds take a
//     core each: BenchmarkSeeds.)
//
// # Strict, poison
//
// Strict does with every message what a real world would have done: it encodes
// it when sent, holds the length against Size, compares the message on delivery
// with what it was when sent (a slice that the sender kept and changed), decodes
// the bytes with the receiver's codec and compares again (a field that is not on
// the wire). A difference panics. Poison overwrites each message, its slices
// too, once its receiver has returned, so that whoever kept it reads rubbish.
package sim
