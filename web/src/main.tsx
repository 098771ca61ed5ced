import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { apply } from "./theme";
import "./styles/base.css";
import "./styles/pages.css";

apply();
createRoot(document.getElementById("root")!).render(<StrictMode><App /></StrictMode>);
