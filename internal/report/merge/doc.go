// Package merge joins the reports of many machines into one: of the shards of
// a run, or of one kernel each.
//
// What it is given comes from elsewhere and is not believed: reports are
// validated and counted anew, their files are copied through os.Root and checked
// against their hashes. What a missing report would have shown is lost, and no
// merged report with a gap is green.
package merge
