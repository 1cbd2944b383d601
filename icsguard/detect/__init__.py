"""What does not fit: flow behaviour, residuals and model scores become findings, and findings become one opinion.

Works on what ``twin`` predicts and on features of the mirrored traffic; its findings carry their contributions, so that
an operator can read why.
"""
