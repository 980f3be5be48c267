package bench

import (
	"image/color"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

type (
	point struct{ x, y float64 }
	line  struct {
		name   string
		points []point
	}
	// plotted is a picture to be drawn beside the page.
	plotted struct {
		file, title, alt, x, y string
		lines                  []line
		log                    bool // the y axis
	}
)

// colours can be told apart by most people (Okabe and Ito).
var colours = []color.Color{
	color.RGBA{0, 0, 0, 255},
	color.RGBA{230, 159, 0, 255},
	color.RGBA{86, 180, 233, 255},
	color.RGBA{0, 158, 115, 255},
	color.RGBA{204, 121, 167, 255},
	color.RGBA{0, 114, 178, 255},
	color.RGBA{213, 94, 0, 255},
}

// draw writes the picture into a folder.
func (p plotted) draw(folder string) error {
	out := plot.New()
	out.Title.Text, out.X.Label.Text, out.Y.Label.Text = p.title, p.x, p.y
	out.Legend.Top = true
	if p.log {
		out.Y.Scale, out.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{}
	}
	for i := len(p.lines) - 1; i >= 0; i-- { // ours above the others
		xys := make(plotter.XYs, len(p.lines[i].points))
		for j, at := range p.lines[i].points {
			xys[j].X, xys[j].Y = at.x, at.y
		}
		drawn, err := plotter.NewLine(xys)
		if err != nil {
			return err
		}
		drawn.Color, drawn.Width = colours[i%len(colours)], vg.Points(1)
		if i == 0 {
			drawn.Width = vg.Points(2)
		}
		out.Add(drawn)
		out.Legend.Add(p.lines[i].name, drawn)
	}
	const width, height = 22 * vg.Centimeter, 11 * vg.Centimeter
	return out.Save(width, height, filepath.Join(folder, p.file))
}
