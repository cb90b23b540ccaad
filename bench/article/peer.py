"""peer.py FILE [--scale]: the classic script as people write it with pandas and scikit-learn: read, drop missing rows, split, fit,
accuracy. --scale puts their StandardScaler before the model, as their documentation advises."""
import sys

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

data = pd.read_csv(sys.argv[1])
data = data.dropna()
x, y = data.drop(columns="target"), data["target"]
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=42)
if "--scale" in sys.argv:
    scaler = StandardScaler().fit(x_train)
    x_train, x_test = scaler.transform(x_train), scaler.transform(x_test)
model = LogisticRegression().fit(x_train, y_train)
print(accuracy_score(y_test, model.predict(x_test)))
