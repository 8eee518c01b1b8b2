"""The engine behind Spark Connect: Apache Spark, Databricks or Sail."""
