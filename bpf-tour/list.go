package bpftour

// ListSchemaName is the schema of a RecipeList.
const ListSchemaName = "recipe-list/v1"

// RecipeList is recipe-list/v1: what recipes there are.
type RecipeList struct {
	Schema  string       `json:"schema"`
	Recipes []RecipeInfo `json:"recipes"`
}

// RecipeInfo describes one recipe without its source.
type RecipeInfo struct {
	Name       string          `json:"name"`
	Title      string          `json:"title"`
	Answers    string          `json:"answers"`
	SHA256     string          `json:"sha256"`
	Probes     []string        `json:"probes"`
	Needs      []string        `json:"needs"`
	Columns    []Column        `json:"columns"`
	Histograms []HistogramSpec `json:"histograms"`
	Notes      []string        `json:"notes"`
}

// NewRecipeList describes recipes.
func NewRecipeList(recipes []Recipe) RecipeList {
	list := RecipeList{Schema: ListSchemaName, Recipes: []RecipeInfo{}}
	for _, r := range recipes {
		list.Recipes = append(list.Recipes, RecipeInfo{
			Name: r.Name, Title: r.Title, Answers: r.Answers, SHA256: r.SHA256(),
			Probes: append([]string{}, r.Probes...), Needs: append([]string{}, r.Needs...),
			Columns: append([]Column{}, r.Columns...), Histograms: append([]HistogramSpec{}, r.Histograms...),
			Notes: append([]string{}, r.Notes...),
		})
	}
	return list
}
