// Package record turns what a run measured into what people and programs read:
// tables for the terminal, and one static page that draws the overlays.
//
// All of it is a function of plain data: p2p.State and p2p.Hop, numbers and
// words. The package knows no protocol and no world, so that any experiment,
// also one in another module, can use it; what is special to a protocol (how a
// node is labelled, where it lies on a circle) is given as a function.
//
//   - Table is a comparison, aligned for the terminal and drawn on the page.
//   - Page is one self-contained HTML file: it loads nothing, runs no script,
//     follows the reader's light or dark theme, and prints. It holds facts,
//     tables, Plots and Overlays.
//   - SpaceTime draws messages between lifelines; package sequence makes one of
//     a simulated run's trace.
//   - Overlay draws a network at several moments with every node in the same
//     place: on a ring where ids lie on a circle, else as a graph.
//
// Diagrams are drawn by gonum.org/v1/plot, whose axes, bars and layout are no
// business of ours. It knows only fixed colours and fonts, so its SVG is taken
// into the page with variables of the style sheet in their place: then the
// diagram follows the reader's theme as the rest of the page does. Overlays and
// lifelines are our own, for no library draws them.
//
// Drawing is deterministic: the same data gives the same bytes.
package record
