package workload_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness/plan"
	"peerbed/harness/workload"
)

// "740,043 files, 2,991 GB, 5,873 libraries: 126 files/user, 4.04 MB mean
// file."
func TestTheLecturesFigures(t *testing.T) {
	if got := 740043.0 / 5873; math.Abs(got-workload.FilesPerUser) > 0.5 {
		t.Errorf("%.1f files a library, not %v", got, workload.FilesPerUser)
	}
	if got := 2991e9 / 740043; math.Abs(got/workload.MeanFile-1) > 0.001 {
		t.Errorf("a mean file of %.0f bytes, not %v", got, workload.MeanFile)
	}
	list, err := workload.Libraries{}.Events(plan.Facts{Seed: 1, Nodes: 200, For: time.Hour})
	if err != nil || len(list) != 200*126 {
		t.Fatalf("%d files, error %v; want 126 of each of 200", len(list), err)
	}
	sum, names, files := 0.0, map[string]bool{}, map[int]int{}
	for k, e := range list {
		sum += float64(e.Size)
		names[e.Name] = true
		files[e.Nodes[0]]++
		if e.Do != plan.Publish || e.At < 0 || e.At > time.Hour || k > 0 && e.At < list[k-1].At {
			t.Fatalf("event %d is %+v", k, e)
		}
	}
	// The deviation of a size is 1.31 means, that of the mean 0.8 %.
	if mean := sum / float64(len(list)); math.Abs(mean/4.04e6-1) > 0.04 {
		t.Errorf("files of %.0f bytes on average, want 4.04 MB", mean)
	}
	if len(names) != len(list) || files[0] != 126 || files[199] != 126 {
		t.Errorf("%d names, %d files of the first node", len(names), files[0])
	}
}

// Sizes are lognormal: their logarithms' mean and deviation, and no size below
// a byte.
func TestSizes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n = 100_000
	small := workload.Measured.Scaled(0.001)
	if small.Mean != 4040 {
		t.Errorf("a thousandth: %+v", small)
	}
	var sum, logs, squares float64
	for range n {
		size := small.Draw(r)
		l := math.Log(float64(size))
		sum, logs, squares = sum+float64(size), logs+l, squares+l*l
	}
	mean, sigma := logs/n, math.Sqrt(squares/n-logs/n*logs/n)
	if want := math.Log(4040) - 0.5; math.Abs(mean-want) > 0.02 || math.Abs(sigma-1) > 0.02 || math.Abs(sum/n/4040-1) > 0.03 {
		t.Errorf("mean %.0f, of logarithms %.3f±%.3f; want 4040, %.3f±1", sum/n, mean, sigma, want)
	}
	if got := (workload.Sizes{Mean: 7}).Draw(r); got != 7 {
		t.Errorf("without a spread: %d bytes, want 7", got)
	}
	for range 1000 {
		if size := (workload.Sizes{Mean: 1, Sigma: 3}).Draw(r); size < 1 {
			t.Fatalf("a size of %d", size)
		}
	}
}

func TestMix(t *testing.T) {
	m := workload.Mix{Rate: 10, Publish: 1, Find: 6, Fetch: 3, Keys: workload.Zipf(1), Sizes: workload.Sizes{Mean: 100}}
	bare := plan.Facts{Seed: 4, Nodes: 10, For: 1000 * time.Second}
	for _, f := range []plan.Facts{facts(), bare} {
		list, err := m.Events(f)
		if err != nil {
			t.Fatal(err)
		}
		known := slices.Clone(f.Files)
		verbs, asked := map[plan.Verb]int{}, map[string]int{}
		for i, e := range list {
			verbs[e.Do]++
			switch {
			case e.Do == plan.Publish && e.Size == 100 && !slices.Contains(known, e.Name):
				known = append(known, e.Name)
			case e.Do != plan.Publish && slices.Contains(known, e.Name):
				asked[e.Name]++
			default:
				t.Fatalf("event %d is %+v, and there are %d files", i, e, len(known))
			}
		}
		n := float64(len(list))
		for verb, share := range map[plan.Verb]float64{plan.Publish: 0.1, plan.Find: 0.6, plan.Fetch: 0.3} {
			if got := float64(verbs[verb]) / n; math.Abs(got-share) > 4*math.Sqrt(share/n) {
				t.Errorf("%.3f of %v events %s, want %v", got, n, verb, share)
			}
		}
		if asked[known[0]] < 3*asked[known[9]] || asked[known[0]] > 30*asked[known[9]] {
			t.Errorf("the first file is asked for %d times and the tenth %d: want ten times as often", asked[known[0]], asked[known[9]])
		}
	}
}

func TestSenselessMixesAreRefused(t *testing.T) {
	bare := facts()
	bare.Files = nil
	for _, test := range []struct {
		p    plan.Plan
		f    plan.Facts
		want string
	}{
		{workload.Mix{Rate: 1}, facts(), "not all 0"},
		{workload.Mix{Rate: 1, Find: -1, Publish: 2}, facts(), "want weights of 0 or more"},
		{workload.Mix{Publish: 1}, facts(), "a Rate of 0"},
		{workload.Mix{Rate: 1, Find: 1}, bare, "before anything was published"},
		{workload.Mix{Rate: 1, Publish: 1, Sizes: workload.Sizes{Sigma: 1}}, bare, "Sizes with Mean 0"},
		{workload.Libraries{Files: -1}, facts(), "Libraries of -1 files"},
		{workload.Libraries{From: time.Hour}, facts(), "within the run"},
		{workload.Libraries{Sizes: workload.Measured.Scaled(0)}, facts(), "Sizes with Mean 0"},
	} {
		if _, err := test.p.Events(test.f); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want in it %q", plan.Text(test.p), err, test.want)
		}
	}
}
