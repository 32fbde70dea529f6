package boards

import "peerbed/dashboards/grafana"

func profiles() *grafana.Dashboard {
	ds := grafana.Variable{Name: "profiles", Label: "Profiles", Type: "datasource", Query: pyroscope.Type, Refresh: 1,
		Description: "A Pyroscope to which nodes send their profiles (-pyroscope)."}
	return board{
		uid: "peerbed-profiles", title: "Profiles", question: "Where do nodes spend processor and memory, and does the machine keep up?",
		sel: chosen, by: "cluster", refresh: "30s", variables: []grafana.Variable{ds, world(), run(), protocol()},
		rows: []row{
			{7, []*grafana.Panel{
				timeseries("Processor a node", "percentunit", "Share of one processor that the mean live node takes. Empty in the simulator, where nodes take no time.",
					curve{"{{cluster}}", perNode("BY", `rate(peerbed_cpu_seconds_total{SEL}[WINDOW])`)}),
				share(timeseries("Machine at work", "percentunit", "Share of the machine's processors at work, whoever uses them. Near 100 % the latencies of a run are the machine's and not the protocol's.",
					curve{"{{cluster}}", `max by (BY) (peerbed_machine_busy_ratio{SEL})`})),
				timeseries("Timer lag", "s", "How late 99 of 100 timers of all nodes were at most.",
					curve{"{{cluster}}", `max by (BY) (peerbed_machine_timer_lag_seconds{SEL})`}),
				timeseries("Throttled", "percentunit", "Share of time for which limits kept nodes from the processors, all nodes together: above 0 the limits are too tight.",
					curve{"{{cluster}}", sum("BY", `rate(peerbed_throttled_seconds_total{SEL}[WINDOW])`)}),
			}},
			{16, []*grafana.Panel{
				flames("Processor time", "ns", "Processor time of the nodes of the chosen protocols, by function: as wide as it took time. Needs a Pyroscope and nodes started with -pyroscope.",
					"process_cpu:cpu:nanoseconds:cpu:nanoseconds"),
				flames("Memory in use", "bytes", "Memory that nodes hold, by the function that allocated it.", "memory:inuse_space:bytes:space:bytes"),
			}},
		},
	}.build()
}

func flames(title, unit, description, kind string) *grafana.Panel {
	return &grafana.Panel{Type: "flamegraph", Title: title, Description: description, DataSource: &pyroscope,
		FieldConfig: grafana.FieldConfig{Defaults: grafana.Field{Unit: unit}, Overrides: []grafana.Override{}},
		Options:     grafana.Empty{},
		Targets: []grafana.Target{grafana.Profile{RefID: "A", DataSource: pyroscope, QueryType: "profile", ProfileType: kind,
			LabelSelector: `{service_name="peerbed.node",protocol=~"$protocol"}`, GroupBy: []string{}}}}
}
