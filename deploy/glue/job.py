from publisher.glue_job import main

main()
