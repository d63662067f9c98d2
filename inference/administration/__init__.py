"""The pages of models, routes, roll-outs and jobs under /admin/."""
